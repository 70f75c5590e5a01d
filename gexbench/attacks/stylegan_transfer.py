"""Carry what a service that draws images has learned into a new domain, of which few images are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.stylegan2 import StyleGAN2Generator
from gexbench.training.loop import TrainingContext
from gexbench.training.stylegan2 import StyleGAN2Training, StyleOptions, build_stylegan2, fit_stylegan2
from gexbench.training.transfer_set import sampled


class StyleGANTransfer:
    """Fit a StyleGAN2 to queried images, then go on with the pool, which is of the new domain.

    Source: Hu and Pang 2021 (ACSAC), the case study; steps, budgets and data are ours.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query `oracle.budget` images; options: pool_steps, those of the second phase, and those of fit_stylegan2.

        Raises PlanError where there is no pool.
        """
        pool = _pool(brief)
        images, _ = sampled(oracle)
        return _gone_on(fit_stylegan2(images, _first_phase(brief), TrainingContext.of(brief)), pool, brief)


class FromScratch:
    """A control: the same network, fitted to the pool alone, for as many steps as the attack takes there.

    Source: a control of this benchmark.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query nothing; options as StyleGANTransfer, of which `steps` goes unused."""
        pool = _pool(brief)
        _, net = StyleOptions.split(_first_phase(brief))
        return _gone_on(build_stylegan2({"side": pool[0].shape[-1], **net}, brief.seed), pool, brief)


class FinetuneVictim:
    """A control: the victim's own networks, fitted further to the pool; the upper bound of a theft.

    Source: a control of this benchmark.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query nothing; options: pool_steps, and the fields of StyleOptions. Raises PlanError without the weights."""
        if not (isinstance(brief.victim, LatentGAN) and isinstance(brief.victim.generator, StyleGAN2Generator)):
            raise PlanError("finetune-victim needs the networks of a StyleGAN2", "name such a victim in the profile")
        return _gone_on(brief.victim, _pool(brief), brief)


def _pool(brief: Brief) -> list[Tensor]:
    if not len(brief.pool):
        raise PlanError("there are no images of a new domain", "name a data set with a pool in the task's profile")
    return [to_uint8(image) for image in brief.pool]


def _first_phase(brief: Brief) -> dict[str, Any]:
    return {name: value for name, value in brief.options.items() if name != "pool_steps"}


def _gone_on(gan: LatentGAN, pool: Sequence[Tensor], brief: Brief) -> nn.Module:
    plan, _ = StyleOptions.split({**brief.options, "steps": brief.options["pool_steps"]})
    StyleGAN2Training(gan.requires_grad_(True), plan, TrainingContext.of(brief), "pool").fit(pool)
    return gan.generator
