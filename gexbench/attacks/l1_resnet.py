"""Copy an image translation by training a residual generator on answers, with L1 alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.nets.initialise import seeded
from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions
from gexbench.training.loop import TrainingContext, derived_seed, finished
from gexbench.training.super_resolution import PixelPlan, fit_pixels
from gexbench.training.transfer_set import answered


class L1ResNet:
    """Ask about random images of the pool, then fit a ResNetGenerator to questions and answers.

    Plain distillation, without a discriminator: the attack that adversarial ones should beat. Source: a baseline of
    this benchmark; the network is Zhu, Park, Isola and Efros 2017 (arXiv 1703.10593), section 7.2.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask `oracle.budget` questions, fewer where the pool is smaller.

        options: blocks, channels, skip (see ResNetGeneratorOptions); steps, batch, patch, lr, augment (see PixelPlan).
        Raises PlanError, before anything is asked, where patch is no multiple of 4.
        """
        options, plan = brief.options, _plan(brief.options)
        numbers = ResNetGeneratorOptions(**{key: options[key] for key in ("blocks", "channels", "skip")})
        net = seeded(lambda: ResNetGenerator(numbers), derived_seed(brief.seed, "weights"))
        fit_pixels(net, answered(oracle, brief, oracle.budget), plan, TrainingContext.of(brief))
        return finished(net)


def _plan(options: Mapping[str, Any]) -> PixelPlan:
    if options["patch"] % 4:
        raise PlanError(f"patch {options['patch']} of l1-resnet is no multiple of 4", "the net halves its sides twice")
    return PixelPlan(
        **{key: options[key] for key in ("steps", "batch", "patch", "lr")}, augment=tuple(options["augment"])
    )
