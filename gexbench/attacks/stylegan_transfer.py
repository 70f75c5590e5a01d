"""Carry what a service that draws images has learned into a new domain, of which few images are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.stylegan2 import StyleGAN2Generator
from gexbench.training.bought import bought
from gexbench.training.loop import Place
from gexbench.training.stylegan2 import PLAN, StyleDuel, StyleOptions, build_stylegan2, fit_stylegan2


class StyleGANTransfer:
    """Fit a StyleGAN2 to bought images, then go on with the pool, which is of the new domain.

    Source: Hu and Pang 2021 (ACSAC), the case study; steps, budgets and data are ours.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Buy `oracle.budget` images; options: pool_steps, those of the second phase, and those of fit_stylegan2.

        Raises PlanError where there is no pool.
        """
        pool, options, place = _pool(brief), dict(brief.options), Place.of(brief)
        steps = options.pop("pool_steps")
        images, _ = bought(oracle)
        return _gone_on(fit_stylegan2(images, options, place), pool, options, steps, place)


class FromScratch:
    """A control: the same network, fitted to the pool alone, for as many steps as the attack takes there.

    Source: a control of this benchmark.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Buy nothing; options as StyleGANTransfer, of which `steps` goes unused."""
        pool, options = _pool(brief), dict(brief.options)
        steps = options.pop("pool_steps")
        net = {name: value for name, value in options.items() if name not in PLAN}
        gan = build_stylegan2({"side": pool[0].shape[-1], **net}, brief.seed)
        return _gone_on(gan, pool, options, steps, Place.of(brief))


class FinetuneVictim:
    """A control: the victim's own networks, fitted further to the pool; the upper bound of a theft.

    Source: a control of this benchmark.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Buy nothing; options: pool_steps, and the fields of StyleOptions. Raises PlanError without the weights."""
        if not (isinstance(brief.victim, LatentGAN) and isinstance(brief.victim.generator, StyleGAN2Generator)):
            raise PlanError("finetune-victim needs the networks of a StyleGAN2", "name such a victim in the profile")
        options = dict(brief.options)
        steps = options.pop("pool_steps")
        return _gone_on(brief.victim, _pool(brief), options, steps, Place.of(brief))


def _pool(brief: Brief) -> list[Tensor]:
    if not len(brief.pool):
        raise PlanError("there are no images of a new domain", "name a data set with a pool in the task's profile")
    return [to_uint8(image) for image in brief.pool]


def _gone_on(
    gan: LatentGAN, images: Sequence[Tensor], options: Mapping[str, Any], steps: int, place: Place
) -> nn.Module:
    plan = StyleOptions(**{name: options[name] for name in PLAN if name != "steps"}, steps=steps)
    StyleDuel(gan.requires_grad_(True), plan, place, "pool").fit(images)
    return gan.generator
