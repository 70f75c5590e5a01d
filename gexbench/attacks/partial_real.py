"""Copy a service that draws images, then go on with the few real images the attacker owns."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.training.latent import LatentOptions, LatentTraining
from gexbench.training.loop import TrainingContext
from gexbench.training.sngan import fit_sngan
from gexbench.training.transfer_set import sampled


class PartialReal:
    """Fit an SNGAN to queried images, then both of its networks to real images.

    Source: Hu and Pang 2021 (ACSAC), accuracy extraction with partial real data; how the two phases share the steps is
    ours.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query `oracle.budget` images; options: real_steps, those of the second phase, and those of fit_sngan.

        Raises PlanError where the attacker owns no real images.
        """
        if not brief.real:
            raise PlanError("partial-real needs real images", "grant the knowledge partial-real")
        options, context = dict(brief.options), TrainingContext.of(brief)
        steps = options.pop("real_steps")
        images, _ = sampled(oracle)
        gan = fit_sngan(images, options, context)
        plan, _ = LatentOptions.split({**options, "steps": steps})
        LatentTraining(gan, plan, context, "real").fit([to_uint8(image) for image in brief.real])
        return gan.generator
