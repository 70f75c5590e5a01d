"""Precision, recall, density and coverage: by hand, against other implementations, and which way they fall."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from gexbench.core.features import Features, Rows
from gexbench.errors import CardError
from gexbench.metrics import distances
from gexbench.metrics.manifold import PARTS, Manifold, coverage, density, precision, recall

SHARES = [precision, recall, density, coverage]
Share = Callable[[Features, Features, int], float]


def _set(count: int, width: int = 6, seed: int = 0, shift: float = 0.0) -> Tensor:
    return shift + torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def _line(*places: float) -> Rows:
    return Rows(torch.tensor(places)[:, None])


def _brute(images: Tensor, reference: Tensor, k: int) -> dict[str, float]:
    """Return all four from whole matrices of differences."""
    x, y = images.double().numpy(), reference.double().numpy()
    across = np.linalg.norm(x[:, None] - y[None], axis=2)
    radii = [np.sort(np.linalg.norm(z[:, None] - z[None], axis=2), axis=1)[:, k] for z in (x, y)]
    return {
        "precision": float((across <= radii[1]).any(axis=1).mean()),
        "recall": float((across <= radii[0][:, None]).any(axis=0).mean()),
        "density": float((across < radii[1]).sum() / (k * len(x))),
        "coverage": float((across.min(axis=0) <= radii[1]).mean()),
    }


def _ours(images: Tensor, reference: Tensor, k: int) -> dict[str, float]:
    sets = Rows(images), Rows(reference)
    return {part: Manifold({"part": part, "k": k}, {}).measure(*sets) for part in PARTS}


def test_points_on_a_line_are_counted_by_hand() -> None:
    reference = _line(0.0, 1.0, 3.0, 10.0)  # reach to the nearest: 1, 1, 2, 7
    images = _line(0.5, 2.5, 20.0, 1.5)  # reach to the nearest: 1, 1, 17.5, 1
    assert precision(images, reference, 1) == 0.75
    assert recall(images, reference, 1) == 1.0
    assert density(images, reference, 1) == (2 + 1 + 0 + 2) / 4
    assert coverage(images, reference, 1) == 0.75


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 0.7, 1000.0])
def test_all_four_are_those_of_whole_matrices(k: int, shift: float) -> None:
    images, reference = _set(80, seed=1, shift=shift + 0.4), _set(110, seed=2, shift=shift)
    assert _ours(images, reference, k) == pytest.approx(_brute(images, reference, k), abs=1e-12)


def test_precision_is_what_scikit_learns_neighbours_say() -> None:
    images, reference = _set(80, seed=1, shift=0.4), _set(110, seed=2)
    tree = NearestNeighbors().fit(reference.double().numpy())
    radii = tree.kneighbors(n_neighbors=3)[0][:, -1]
    far, near = tree.kneighbors(images.double().numpy(), n_neighbors=110)
    assert precision(Rows(images), Rows(reference), 3) == (far <= radii[near]).any(axis=1).mean()


def test_all_four_are_prdcs(capsys: pytest.CaptureFixture[str]) -> None:
    prdc = pytest.importorskip("prdc")
    images, reference = _set(80, seed=1, shift=0.4), _set(110, seed=2)
    theirs = prdc.compute_prdc(reference.numpy(), images.numpy(), 5)
    assert _ours(images, reference, 5) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("share", SHARES)
def test_blocks_of_any_size_give_one_number(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    images, reference = Rows(_set(80, seed=1, shift=0.4)), Rows(_set(110, seed=2))
    whole = share(images, reference, 3)
    for block in (2, 7, 80):
        monkeypatch.setattr(distances, "BLOCK", block)
        assert share(images, reference, 3) == whole


@pytest.mark.parametrize("share", SHARES)
def test_the_order_of_rows_changes_nothing(share: Share) -> None:
    images, reference = _set(80, seed=1, shift=0.4), _set(110, seed=2)
    orders = [torch.randperm(len(x), generator=torch.Generator().manual_seed(3)) for x in (images, reference)]
    shuffled = share(Rows(images[orders[0]]), Rows(reference[orders[1]]), 3)
    assert shuffled == share(Rows(images), Rows(reference), 3)


def test_a_collapse_costs_recall_and_coverage_and_not_precision_or_density() -> None:
    reference = _set(300, seed=2)
    whole = _ours(_set(300, seed=1), reference, 3)
    collapsed = _ours(0.2 * _set(300, seed=1), reference, 3)
    assert collapsed["precision"] >= whole["precision"]
    assert collapsed["density"] >= whole["density"]
    assert collapsed["recall"] < 0.5 * whole["recall"]
    assert collapsed["coverage"] < 0.5 * whole["coverage"]


def test_noise_costs_precision_and_density() -> None:
    reference = _set(300, seed=2)
    scores = [_ours(_set(300, seed=1) + much * _set(300, seed=4), reference, 3) for much in (0.0, 1.0, 4.0)]
    for part in ("precision", "density"):
        assert scores[0][part] > scores[1][part] > scores[2][part]


def test_a_set_against_itself_scores_1_in_all_four() -> None:
    rows = _set(60, width=200, shift=5.0)
    assert _ours(rows, rows.flip(0), 5) == dict.fromkeys(PARTS, 1.0)


def test_density_of_two_draws_of_one_kind_is_about_1() -> None:
    assert density(Rows(_set(1000, seed=1)), Rows(_set(1000, seed=2)), 5) == pytest.approx(1.0, abs=0.05)


def test_a_copy_of_the_kth_neighbour_is_inside_for_three_and_outside_for_density() -> None:
    reference, copy = _line(0.0, 4.0, 9.0), _line(4.0)
    assert precision(copy, reference, 1) == 1.0
    assert coverage(copy, reference, 1) == 1.0
    # It lies in the ball of 4 and on the edges of those of 0 and 9.
    assert density(copy, reference, 1) == 1.0


def test_a_copy_of_a_nearest_neighbour_lies_on_the_edge_whatever_rounding_says() -> None:
    reference = _set(40, width=300)
    copies = [Rows(reference[row : row + 1]) for row in range(40)]
    balls = sum(coverage(copy, Rows(reference), 1) for copy in copies)
    # Each row has one nearest neighbour: the balls with it on the edge count once, those it is the centre of once more.
    assert balls == pytest.approx(2.0, abs=1e-12)
    assert [density(copy, Rows(reference), 1) for copy in copies] == [1.0] * 40


def test_equal_images_lie_on_each_other_and_nowhere_else() -> None:
    here, there = Rows(torch.full((20, 300), 0.1)), Rows(torch.full((20, 300), 0.3))
    for share in (precision, recall, coverage):
        assert share(here, here, 3) == 1.0
        assert share(here, there, 3) == 0.0
    with pytest.raises(ValueError, match="3 equals or more; density is not defined"):
        density(there, here, 3)


def test_far_from_zero_close_rows_stay_apart() -> None:
    reference = torch.arange(8, dtype=torch.float64)[:, None] * 1e-3 + 1e5
    assert precision(Rows(reference[:4] + 0.4e-3), Rows(reference), 1) == 1.0
    assert precision(Rows(reference[:4] - 5e-3), Rows(reference), 1) == 0.0


@pytest.mark.parametrize("share", [precision, density, coverage])
def test_too_few_references_for_a_neighbour_are_refused(share: Share) -> None:
    with pytest.raises(ValueError, match="3 images; a 3-th nearest neighbour needs 4 or more"):
        share(Rows(_set(50)), Rows(_set(3)), 3)
    assert share(Rows(_set(1)), Rows(_set(4)), 3) >= 0.0


def test_recall_refuses_too_few_images() -> None:
    with pytest.raises(ValueError, match="3 images"):
        recall(Rows(_set(3)), Rows(_set(50)), 3)


def test_features_of_different_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="6 numbers with features of 4"):
        precision(Rows(_set(50)), Rows(_set(50, width=4)), 3)


@pytest.mark.parametrize("settings", [{"part": "accuracy"}, {"k": 0}, {"k": 2.5}, {"part": 3}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(CardError, match=r"settings\.\w+ = .* is refused"):
        Manifold(settings, {})
