"""Copy a service that draws images by training an SNGAN on what it drew."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.training.loop import TrainingContext
from gexbench.training.sngan import fit_sngan
from gexbench.training.transfer_set import sampled


class SNGANAttack:
    """Query images, then fit an SNGAN to them.

    Source: Hu and Pang 2021, "Stealing Machine Learning Models: Attacks and Countermeasures for Generative Adversarial
    Networks" (ACSAC), fidelity extraction; the network is Miyato et al. 2018 (arXiv 1802.05957).
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query `oracle.budget` images; options: those of fit_sngan."""
        images, _ = sampled(oracle)
        return fit_sngan(images, brief.options, TrainingContext.of(brief)).generator
