"""A control: the SNGAN of the attack, trained on what the victim was trained on."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.training.loop import TrainingContext
from gexbench.training.sngan import fit_sngan


class SNGANReal:
    """Query nothing, fit an SNGAN to the owner's images: what the data behind the service is worth.

    Source: a control of this benchmark.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Return the generator; options as those of SNGANAttack. Raises PlanError where the truth is not granted."""
        if brief.truth is None:
            raise PlanError("sngan-real needs the owner's images", "run it in a task of kind sampling")
        images = [to_uint8(image) for image in brief.truth]
        return fit_sngan(images, brief.options, TrainingContext.of(brief)).generator
