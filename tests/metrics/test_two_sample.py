"""Leave-one-out 1-NN accuracy: by hand, against scikit-learn, and with ties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from gexbench.core.features import Rows
from gexbench.errors import CardError
from gexbench.metrics import distances
from gexbench.metrics.two_sample import NearestNeighbour, accuracy

METRIC = NearestNeighbour({"seed": 0}, {})


def _set(count: int, width: int = 6, seed: int = 0, shift: float = 0.0) -> Tensor:
    return shift + torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def _line(*places: float) -> Rows:
    return Rows(torch.tensor(places)[:, None])


def test_points_on_a_line_are_counted_by_hand() -> None:
    images, reference = _line(0.0, 1.0, 5.0), _line(2.5, 5.4, 9.0)
    # 0 and 1 have each other; 5 and 5.4 have one another's set; 2.5 is nearest to 1; 9 to 5.4, its own set.
    assert accuracy(images, reference) == 3 / 6


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
def test_it_is_what_scikit_learns_neighbours_say(shift: float) -> None:
    images, reference = _set(90, seed=1, shift=100.0 + shift), _set(90, seed=2, shift=100.0)
    pooled = torch.cat([images, reference]).double().numpy()
    nearest = NearestNeighbors(n_neighbors=1).fit(pooled).kneighbors()[1][:, 0]
    theirs = ((nearest < 90) == (np.arange(180) < 90)).mean()
    assert accuracy(Rows(images), Rows(reference)) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("block", [1, 7, 89])
def test_blocks_of_any_size_give_one_number(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images, reference = Rows(_set(90, seed=1, shift=0.5)), Rows(_set(90, seed=2))
    whole = accuracy(images, reference)
    monkeypatch.setattr(distances, "BLOCK", block)
    assert accuracy(images, reference) == whole


def test_neither_the_order_of_rows_nor_that_of_sets_changes_anything() -> None:
    images, reference = _set(90, seed=1, shift=0.5), _set(90, seed=2)
    score = accuracy(Rows(images), Rows(reference))
    assert accuracy(Rows(images.flip(0)), Rows(reference)) == score
    assert accuracy(Rows(reference), Rows(images)) == score


def test_far_sets_are_told_apart_and_equal_kinds_are_not() -> None:
    reference = Rows(_set(400))
    scores = [METRIC.measure(Rows(_set(400, seed=1, shift=s)), reference) for s in (0.0, 0.7, 1.5, 6.0)]
    assert scores[0] == pytest.approx(0.5, abs=0.05)
    assert scores == sorted(scores)
    assert scores[-1] == 1.0


def test_a_collapse_is_told_apart() -> None:
    assert METRIC.measure(Rows(0.1 * _set(300, seed=1)), Rows(_set(300, seed=2))) > 0.75


def test_a_copy_row_by_row_scores_0() -> None:
    rows = _set(60, width=200, shift=5.0)
    assert accuracy(Rows(rows), Rows(rows.flip(0))) == 0.0


def test_equal_images_on_both_sides_score_one_half() -> None:
    equal = Rows(torch.full((20, 300), 0.1))
    assert accuracy(equal, equal) == 0.5


def test_a_row_equally_far_from_both_sets_counts_one_half() -> None:
    images, reference = _line(0.0, 1.0, -9.0), _line(-1.0, 30.0, 31.0)
    # 0 lies between 1 and -1; the images 1 and -9 go to 0 and to -1; -1 to 0; 30 and 31 have each other.
    assert accuracy(images, reference) == (0.5 + 1 + 0 + 0 + 1 + 1) / 6


def test_an_image_in_both_sets_beside_its_copy_counts_one_half_each() -> None:
    images, reference = _line(0.0, 0.0, 50.0, 51.0), _line(0.0, 0.0, 90.0, 91.0)
    assert accuracy(images, reference) == (4 * 0.5 + 4 * 1.0) / 8


def test_the_larger_set_is_cut_to_the_smaller_one_by_the_seed() -> None:
    small, large = _set(40, seed=1), _set(100, seed=2)
    drawn = torch.randperm(100, generator=torch.Generator().manual_seed(0))[:40].sort().values
    assert METRIC.measure(Rows(small), Rows(large)) == accuracy(Rows(small), Rows(large[drawn]))
    assert METRIC.measure(Rows(large), Rows(small)) == accuracy(Rows(large[drawn]), Rows(small))


def test_uneven_sizes_one_image_and_different_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="40 images against 41"):
        accuracy(Rows(_set(40)), Rows(_set(41)))
    with pytest.raises(ValueError, match="needs 2 or more"):
        METRIC.measure(Rows(_set(1)), Rows(_set(40)))
    with pytest.raises(ValueError, match="6 numbers with features of 4"):
        METRIC.measure(Rows(_set(40)), Rows(_set(40, width=4)))


def test_settings_it_does_not_have_are_refused() -> None:
    with pytest.raises(CardError, match=r"settings\.k "):
        NearestNeighbour({"k": 1}, {})
