"""The control that need not steal: the attack's network, trained on true pairs."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.training.loop import Place
from gexbench.training.patches import Pairs
from gexbench.training.super_resolution import fit_srresnet


class RealData:
    """Fit an SRResNet to the pool and the truth about it; asks nothing.

    Source: the comparison of Szyller et al. 2023 (arXiv 2104.12623), section 5.1, with the owner's data taken away.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Fit to all of the pool; options: see `fit_srresnet`. Raises PlanError without the knowledge `truth`."""
        if brief.truth is None:
            raise PlanError("real-data needs the truth about the pool", "grant the knowledge 'truth'")
        low = [to_uint8(image) for image in brief.pool]
        high = [to_uint8(image) for image in brief.truth]
        place = Place(brief.device, brief.precision, brief.seed, brief.workdir, brief.progress)
        return fit_srresnet(Pairs(low, high, brief.scale), brief.options, place)
