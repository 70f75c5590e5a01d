"""Standard errors of metrics of sets, against what the metrics do over many draws of Gaussian features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gexbench.core.draws import standard_error
from gexbench.core.features import Rows
from gexbench.core.metric import SetEstimator, SetMetric
from gexbench.metrics.frechet import Frechet
from gexbench.metrics.manifold import Manifold
from gexbench.metrics.mmd import Mmd
from gexbench.metrics.prd import Prd
from gexbench.metrics.two_sample import NearestNeighbour

IMAGES, DRAWS = 120, 60


def _set(seed: int, width: int, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    return shift + scale * torch.randn(IMAGES, width, generator=torch.Generator().manual_seed(seed))


def _measured(metric: SetMetric, width: int, paired: bool, seed: int) -> tuple[float, float]:
    """Return a value and its error; pairs share their images and differ by a shift and by noise."""
    x = _set(seed, width, 0.3, 1.1)
    y = x + _set(2000 + seed, width, 0.2, 0.5) if paired else _set(1000 + seed, width)
    sides, partner = (Rows(x), Rows(y)), torch.arange(IMAGES) if paired else None
    if isinstance(metric, SetEstimator):
        value, error = metric.estimate(*sides, partner)
    else:
        value, error = metric.measure(*sides), standard_error(metric.measure, sides, partner)
    assert error is not None
    return value, error


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("width", [8, 160])
@pytest.mark.parametrize("metric", [Frechet({}, {}), Mmd({}, {})])
def test_errors_of_distances_are_what_new_draws_do_or_more(metric: SetMetric, width: int, paired: bool) -> None:
    _is_what_draws_do(metric, width, paired)


@pytest.mark.parametrize(
    "metric",
    [
        Manifold({"part": "precision"}, {}),
        Manifold({"part": "recall"}, {}),
        NearestNeighbour({}, {}),
        Prd({"runs": 1, "starts": 1}, {}),
    ],
)
def test_errors_of_shares_are_what_new_draws_do_or_more(metric: SetMetric) -> None:
    _is_what_draws_do(metric, 8, paired=False)


def _is_what_draws_do(metric: SetMetric, width: int, paired: bool) -> None:
    values, errors = np.array([_measured(metric, width, paired, seed) for seed in range(DRAWS)]).T
    # The deviation of 60 draws is itself off by a tenth.
    assert 0.8 * values.std(ddof=1) < np.sqrt(np.square(errors).mean()) < 1.7 * values.std(ddof=1)
    assert np.mean(np.abs(values - values.mean()) <= 2.0 * errors) >= 0.9
