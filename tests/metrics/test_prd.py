"""PRD: the curve by hand and against plain loops, its summaries, and which way each falls."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gexbench.core.features import Rows
from gexbench.errors import CardError
from gexbench.metrics.prd import Curve, Prd, Recipe, curve, max_f_beta, mean_curve

RECALL = Prd({"beta": 8.0, "runs": 2}, {})
PRECISION = Prd({"beta": 0.125, "runs": 2}, {})


def _modes(counts: list[int], seed: int = 0, noise: float = 0.05) -> Tensor:
    """Return rows in clusters, the i-th of counts[i] rows far along the i-th axis."""
    which = torch.cat([torch.full((count,), i) for i, count in enumerate(counts)])
    far = 10.0 * torch.eye(len(counts))[which]
    return far + noise * torch.randn(far.shape, generator=torch.Generator().manual_seed(seed))


def _by_loops(images: list[float], reference: list[float], angles: int) -> list[tuple[float, float]]:
    points = []
    for angle in np.linspace(1e-10, math.pi / 2 - 1e-10, angles):
        slope = math.tan(angle)
        points.append(
            (
                sum(min(slope * r, i) for i, r in zip(images, reference, strict=True)),
                sum(min(r, i / slope) for i, r in zip(images, reference, strict=True)),
            )
        )
    return points


def test_half_the_reference_covered_reaches_precision_1_and_recall_one_half() -> None:
    images, reference = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.5, 0.5]).double()
    points = curve(images, reference)
    assert float(points.precision.max()) == pytest.approx(1.0, abs=1e-9)
    assert float(points.recall.max()) == pytest.approx(0.5, abs=1e-9)
    by_hand = {beta: (1 + beta**2) * 0.5 / (beta**2 + 0.5) for beta in (8.0, 0.125)}
    assert {beta: max_f_beta(points, beta) for beta in by_hand} == pytest.approx(by_hand, abs=1e-2)


def test_the_curve_is_that_of_plain_loops() -> None:
    images, reference = [0.1, 0.6, 0.3, 0.0], [0.25, 0.25, 0.0, 0.5]
    ours = curve(torch.tensor(images).double(), torch.tensor(reference).double(), 101)
    theirs = np.array(_by_loops(images, reference, 101))
    np.testing.assert_allclose(ours.precision.numpy(), theirs[:, 0], rtol=1e-6)
    np.testing.assert_allclose(ours.recall.numpy(), theirs[:, 1], rtol=1e-6)


def test_f_beta_is_the_formula_by_hand() -> None:
    points = Curve(
        torch.tensor([0.2, 0.9, 0.0], dtype=torch.float64), torch.tensor([0.8, 0.3, 0.0], dtype=torch.float64)
    )
    assert max_f_beta(points, 1.0) == pytest.approx(2 * 0.9 * 0.3 / 1.2, abs=1e-12)
    assert max_f_beta(points, 8.0) == pytest.approx(65 * 0.2 * 0.8 / (64 * 0.2 + 0.8), abs=1e-12)


def test_equal_distributions_score_1_and_disjoint_ones_0() -> None:
    one, other = torch.tensor([0.5, 0.5, 0.0]).double(), torch.tensor([0.0, 0.0, 1.0]).double()
    for beta in (8.0, 0.125):
        assert max_f_beta(curve(one, one), beta) == pytest.approx(1.0, abs=1e-9)
        assert max_f_beta(curve(one, other), beta) == 0.0


def test_lost_modes_cost_recall_and_not_precision() -> None:
    reference, collapsed = Rows(_modes([40] * 10)), Rows(_modes([200, 200] + [0] * 8, seed=1))
    assert RECALL.measure(collapsed, reference) < 0.4
    assert PRECISION.measure(collapsed, reference) > 0.8


def test_invented_modes_cost_precision_and_not_recall() -> None:
    reference, noisy = Rows(_modes([200, 200] + [0] * 8)), Rows(_modes([40] * 10, seed=1))
    assert PRECISION.measure(noisy, reference) < 0.4
    assert RECALL.measure(noisy, reference) > 0.8


def test_a_set_against_itself_scores_1() -> None:
    rows = Rows(_modes([40] * 10))
    assert RECALL.measure(rows, rows) == pytest.approx(1.0, abs=1e-9)


def test_exchanged_sets_exchange_precision_and_recall() -> None:
    a, b = Rows(_modes([60, 30, 10, 0])), Rows(_modes([10, 30, 30, 30], seed=1))
    recipe = Recipe(clusters=4, runs=2)
    forth, back = mean_curve(a, b, recipe), mean_curve(b, a, recipe)
    torch.testing.assert_close(forth.precision, back.recall.flip(0), rtol=1e-6, atol=1e-9)


def test_far_clusters_are_found_as_they_are() -> None:
    a, b = _modes([60, 30, 10, 0]), _modes([10, 30, 30, 30], seed=1)
    found = mean_curve(Rows(a), Rows(b), Recipe(clusters=4, runs=1))
    by_hand = curve(torch.tensor([0.6, 0.3, 0.1, 0.0]).double(), torch.tensor([0.1, 0.3, 0.3, 0.3]).double())
    torch.testing.assert_close(found.precision, by_hand.precision)


def test_one_seed_gives_one_number_and_runs_are_averaged() -> None:
    a, b = (Rows(torch.rand(100, 6, generator=torch.Generator().manual_seed(s))) for s in (1, 2))
    runs = [mean_curve(a, b, Recipe(runs=1, seed=seed)).precision for seed in (5, 6)]
    assert not torch.equal(runs[0], runs[1])
    both = mean_curve(a, b, Recipe(runs=2, seed=5)).precision
    torch.testing.assert_close(both, (runs[0] + runs[1]) / 2)
    assert torch.equal(both, mean_curve(a, b, Recipe(runs=2, seed=5)).precision)


def test_the_larger_set_is_cut_to_the_smaller_one() -> None:
    small, large = _modes([20] * 4), _modes([60] * 4, seed=1)
    drawn = torch.randperm(240, generator=torch.Generator().manual_seed(0))[:80].sort().values
    score = RECALL.measure(Rows(small), Rows(large))
    assert score == RECALL.measure(Rows(small), Rows(large[drawn]))


def test_equal_images_make_one_cluster_and_score_1() -> None:
    equal = Rows(torch.full((40, 5), 0.5))
    assert RECALL.measure(equal, equal) == pytest.approx(1.0, abs=1e-9)


def test_fewer_images_than_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="18 images in both sets cannot make 20 clusters"):
        RECALL.measure(Rows(_modes([9])), Rows(_modes([30])))


def test_features_of_different_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="1 numbers with features of 2"):
        RECALL.measure(Rows(_modes([40])), Rows(_modes([40, 40])))


@pytest.mark.parametrize("settings", [{"beta": 0.0}, {"clusters": 1}, {"beta": "8"}, {"runs": True}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(CardError, match=r"settings\.\w+ = .* is refused"):
        Prd(settings, {})


def test_the_value_knows_no_partners_and_the_error_draws_them_together() -> None:
    rows = torch.randn(60, 8, generator=torch.Generator().manual_seed(1))
    quick, order = Prd({"runs": 2, "starts": 2}, {}), torch.randperm(60, generator=torch.Generator().manual_seed(2))
    paired = quick.estimate(Rows(rows), Rows(rows[order]), order.argsort())
    apart = quick.estimate(Rows(rows), Rows(rows[order]), None)
    assert paired.value == apart.value == quick.measure(Rows(rows), Rows(rows[order])) == pytest.approx(1.0)
    assert paired.se == pytest.approx(0.0, abs=1e-9)
    assert apart.se is not None
    assert apart.se > 0.0
