"""Copy an image-translation service with a conditional GAN trained on its answers."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.training.conditional import ConditionalOptions, fit_conditional
from gexbench.training.loop import TrainingContext
from gexbench.training.transfer_set import answered


class Pix2Pix:
    """Ask about random images of the pool, then fit a U-Net to questions and answers against a discriminator.

    Source: Szyller et al. 2023, "Good Artists Copy, Great Artists Steal: Model Extraction Attacks Against Image
    Translation Models" (arXiv 2104.12623), sections 4 and 5.2; the network is Isola et al. 2017 (arXiv 1611.07004).
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask `oracle.budget` questions, fewer where the pool is smaller; options: those of ConditionalOptions."""
        pairs = answered(oracle, brief, oracle.budget)
        return fit_conditional(pairs, ConditionalOptions(**brief.options), TrainingContext.of(brief))
