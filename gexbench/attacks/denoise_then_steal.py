"""Copy an image-translation service from its answers, after a net has cleaned them of what might mark them."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle
from gexbench.training.conditional import ConditionalOptions, fit_conditional
from gexbench.training.denoiser import cleaned, fit_denoiser
from gexbench.training.loop import TrainingContext
from gexbench.training.transfer_set import answered


class DenoiseThenSteal:
    """Do as pix2pix does, with answers that a denoiser has cleaned, which learned on the pool with made-up marks.

    It knows nothing of the service's mark. Source: a baseline of this benchmark.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask `oracle.budget` questions, fewer where the pool is smaller.

        options: denoiser_steps, those of the denoiser; and those of ConditionalOptions.
        """
        options, context = dict(brief.options), TrainingContext.of(brief)
        steps = options.pop("denoiser_steps")
        pairs = answered(oracle, brief, oracle.budget)
        denoiser = fit_denoiser([to_uint8(image) for image in brief.pool], steps, context)
        clean = replace(pairs, high=cleaned(denoiser, pairs.high, context))
        return fit_conditional(clean, ConditionalOptions(**options), context)
