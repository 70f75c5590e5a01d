"""The kernel distance: by hand, and against clean-fid and torch-fidelity on the same subsets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cleanfid.fid import kernel_distance
from torch import Tensor

from gexbench.core.features import Rows
from gexbench.errors import CardError
from gexbench.metrics import kernel
from gexbench.metrics.kernel import Kid, mean_mmd2, mmd2

SMALL = {"subsets": 20, "subset_size": 40}


def _set(count: int, width: int = 16, seed: int = 0, shift: float = 0.0) -> Tensor:
    return shift + torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def _choices(rng: np.random.RandomState, counts: tuple[int, int], size: int, subsets: int) -> list[Tensor]:
    """Return the subsets of both sets that another package draws, which takes turns between the sets."""
    drawn = [[rng.choice(count, size, replace=False) for count in counts] for _ in range(subsets)]
    return [torch.from_numpy(np.stack(side)) for side in zip(*drawn, strict=True)]


def test_two_rows_a_side_are_the_sums_by_hand() -> None:
    x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[2.0, 0.0], [2.0, 2.0]])
    within = 1.0**3 + 3.0**3
    across = (2.0**3 + 2.0**3 + 1.0**3 + 3.0**3) / 4
    assert mmd2(x, y) == pytest.approx(within - 2.0 * across, abs=1e-12)


def test_uneven_sides_are_the_sums_by_hand() -> None:
    x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0.0], [1.0]])
    by_hand = (27.0 + 64.0 + 343.0) / 3 + 1.0 - 2.0 * (3 * 1.0 + 8.0 + 27.0 + 64.0) / 6
    assert mmd2(x, y) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("size", [10, 40, 90])
def test_it_is_clean_fids_on_the_same_subsets(size: int) -> None:
    images, reference = _set(90, seed=1, shift=0.2), _set(120, seed=2)
    second, first = _choices(np.random.RandomState(7), (120, 90), size, subsets=12)
    np.random.seed(7)
    theirs = kernel_distance(images.double().numpy(), reference.double().numpy(), 12, size)
    assert mean_mmd2(Rows(images), Rows(reference), first, second) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("size", [10, 90])
def test_it_is_torch_fidelitys_on_the_same_subsets(size: int) -> None:
    theirs = pytest.importorskip("torch_fidelity.metric_kid").kid_features_to_metric
    images, reference = _set(90, seed=1, shift=0.2), _set(120, seed=2)
    first, second = _choices(np.random.RandomState(7), (90, 120), size, subsets=12)
    settings = {"kid_subsets": 12, "kid_subset_size": size, "rng_seed": 7, "verbose": False}
    wanted = theirs(images.double(), reference.double(), **settings)["kernel_inception_distance_mean"]
    assert mean_mmd2(Rows(images), Rows(reference), first, second) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("block", [7, 40, 1000])
def test_one_pass_over_the_sets_is_the_mean_over_subsets(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_BLOCK", block)
    images, reference = _set(90, seed=1, shift=0.2), _set(120, seed=2)
    first, second = _choices(np.random.RandomState(7), (90, 120), 60, subsets=30)
    assert 90**2 / 2 + 120**2 / 2 + 90 * 120 < 3 * 30 * 60**2
    one_by_one = [mmd2(images[a], reference[b]) for a, b in zip(first, second, strict=True)]
    value = mean_mmd2(Rows(images), Rows(reference), first, second)
    assert value == pytest.approx(sum(one_by_one) / 30, rel=1e-12)


def test_the_seed_decides_the_subsets() -> None:
    images, reference = Rows(_set(90, seed=1)), Rows(_set(120, seed=2))
    scores = [Kid(SMALL | {"seed": seed}, {}).measure(images, reference) for seed in (0, 0, 1)]
    assert scores[0] == scores[1] != scores[2]


def test_a_subset_of_all_images_is_the_distance_of_the_sets_in_any_order() -> None:
    images, reference = _set(50, seed=1, shift=0.2), _set(50, seed=2)
    all_of_them = Kid({"subsets": 3, "subset_size": 50}, {})
    score = all_of_them.measure(Rows(images), Rows(reference))
    assert score == pytest.approx(mmd2(images, reference), rel=1e-12)
    assert score == pytest.approx(all_of_them.measure(Rows(images.flip(0)), Rows(reference)), rel=1e-12)
    assert score == pytest.approx(all_of_them.measure(Rows(reference), Rows(images)), rel=1e-12)


def test_two_draws_of_one_kind_lie_about_0_on_both_sides() -> None:
    scores = [Kid(SMALL, {}).measure(Rows(_set(200, seed=s)), Rows(_set(200, seed=50 + s))) for s in range(12)]
    assert min(scores) < 0.0 < max(scores)
    assert abs(sum(scores) / 12) < 0.02


def test_farther_sets_score_higher() -> None:
    reference = Rows(_set(200))
    scores = [Kid(SMALL, {}).measure(Rows(_set(200, seed=1, shift=s)), reference) for s in (0.0, 0.3, 0.6, 1.2)]
    assert scores == sorted(scores)
    assert len(set(scores)) == 4


def test_equal_images_on_both_sides_are_at_distance_0() -> None:
    equal = Rows(torch.full((60, 8), 0.5))
    assert Kid(SMALL, {}).measure(equal, equal) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(39, 100), (100, 39)])
def test_fewer_images_than_a_subset_are_refused_with_a_way_out(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="subsets of 40 images and a set has 39; kid takes any number"):
        Kid(SMALL, {}).measure(Rows(_set(first)), Rows(_set(second)))


def test_one_image_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 2 or more"):
        Kid(SMALL, {}).measure(Rows(_set(1)), Rows(_set(50)))


def test_features_of_different_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="16 numbers with features of 6"):
        Kid(SMALL, {}).measure(Rows(_set(50)), Rows(_set(50, width=6)))


@pytest.mark.parametrize("settings", [{"subset_size": 1}, {"subsets": 0}, {"seed": -1}, {"subset_size": 10.0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(CardError, match=r"settings\.\w+ = .* is refused"):
        Kid(settings, {})
