"""Copy a service that draws images by training a PGGAN on what it drew."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.training.loop import TrainingContext
from gexbench.training.pggan import fit_pggan
from gexbench.training.transfer_set import sampled


class PGGANAttack:
    """Query images, then fit a PGGAN to them.

    Source: Hu and Pang 2021, "Stealing Machine Learning Models: Attacks and Countermeasures for Generative Adversarial
    Networks" (ACSAC), fidelity extraction; the network is Karras et al. 2018 (arXiv 1710.10196).
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query `oracle.budget` images; options: those of fit_pggan."""
        images, _ = sampled(oracle)
        return fit_pggan(images, brief.options, TrainingContext.of(brief)).generator
