"""The control that need not steal: the attack's network, trained on true pairs."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.training.loop import TrainingContext
from gexbench.training.patches import Pairs
from gexbench.training.super_resolution import fit_srresnet
from gexbench.training.transfer_set import chosen


class RealData:
    """Fit an SRResNet to images of the pool and the truth about them; asks nothing.

    As many pairs as the attack may ask questions, and the same ones for the same seed. Source: a control of this
    benchmark; the network is Ledig et al. 2017 (arXiv 1609.04802).
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Fit to `brief.budget` true pairs, options as in `fit_srresnet`; raises PlanError where truth is withheld."""
        if brief.truth is None:
            raise PlanError("real-data needs the truth about the pool", "grant the knowledge 'truth'")
        indices = chosen(brief, brief.budget)
        low = [to_uint8(brief.pool[index]) for index in indices]
        high = [to_uint8(brief.truth[index]) for index in indices]
        return fit_srresnet(Pairs(low, high, brief.scale), brief.options, TrainingContext.of(brief))
