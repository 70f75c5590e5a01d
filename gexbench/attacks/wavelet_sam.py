"""Copy an image-translation service, minding its high frequencies and a discriminator that generalises."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.training.conditional import ConditionalOptions, fit_conditional
from gexbench.training.loop import TrainingContext
from gexbench.training.transfer_set import answered


class WaveletSAM:
    """Do as pix2pix does, with a loss on wavelet bands and sharpness-aware steps of the discriminator.

    Source: Mi et al. 2024, "Towards Model Extraction Attacks in GAN-Based Image Translation via Domain Shift
    Mitigation" (AAAI 2024, arXiv 2403.07673).
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask `oracle.budget` questions, fewer where the pool is smaller; options: those of ConditionalOptions."""
        pairs = answered(oracle, brief, oracle.budget)
        return fit_conditional(pairs, ConditionalOptions(**brief.options), TrainingContext.of(brief))
