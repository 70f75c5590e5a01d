"""Copy a super-resolution service by training an SRResNet on its answers."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.training.loop import TrainingContext
from gexbench.training.super_resolution import fit_srresnet
from gexbench.training.transfer_set import answered


class SRResNetAttack:
    """Ask about random images of the pool, then fit an SRResNet to questions and answers.

    Source: Szyller et al. 2023, "Good Artists Copy, Great Artists Steal: Model Extraction Attacks Against Image
    Translation Models" (arXiv 2104.12623), sections 4 and 5.2; the network is Ledig et al. 2017 (arXiv 1609.04802).
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask `oracle.budget` questions, fewer where the pool is smaller; options: see `fit_srresnet`."""
        pairs = answered(oracle, brief, oracle.budget)
        return fit_srresnet(pairs, brief.options, TrainingContext.of(brief))
