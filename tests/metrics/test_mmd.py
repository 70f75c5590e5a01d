"""The kernel distance of whole sets: by a double loop, without a bias, a perfect copy at 0, and its error."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from gexbench.core.features import Rows
from gexbench.errors import CardError
from gexbench.metrics import kernel
from gexbench.metrics.kernel import mmd2
from gexbench.metrics.mmd import Mmd

KID = Mmd({}, {})


def _set(count: int, width: int = 16, seed: int = 0, shift: float = 0.0) -> Tensor:
    return shift + torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def _kernel(a: Tensor, b: Tensor) -> float:
    return float((np.dot(a.double().numpy(), b.double().numpy()) / len(a) + 1.0) ** 3)


def _of_two(x: Tensor, y: Tensor) -> float:
    """Return eq. 3 of the paper, term by term."""
    within = [[_kernel(a, b) for a, b in itertools.permutations(side, 2)] for side in (x, y)]
    across = [_kernel(a, b) for a in x for b in y]
    return float(sum(np.mean(side) for side in within) - 2.0 * np.mean(across))


def _of_pairs(x: Tensor, y: Tensor) -> float:
    """Return eq. 4 of the paper, term by term."""
    terms = [
        _kernel(x[i], x[j]) + _kernel(y[i], y[j]) - _kernel(x[i], y[j]) - _kernel(x[j], y[i])
        for i, j in itertools.permutations(range(len(x)), 2)
    ]
    return float(np.mean(terms))


def _less(rows: Tensor, number: int) -> Tensor:
    return torch.cat([rows[:number], rows[number + 1 :]])


@pytest.mark.parametrize("block", [4, 7, 1000])
def test_it_is_the_double_loop(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_BLOCK", block)
    x, y = _set(11, seed=1, shift=0.2), _set(14, seed=2)
    assert KID.measure(Rows(x), Rows(y)) == pytest.approx(_of_two(x, y), abs=1e-12)
    assert KID.measure(Rows(x), Rows(y)) == pytest.approx(mmd2(x, y), abs=1e-12)


@pytest.mark.parametrize("block", [4, 7, 1000])
def test_of_pairs_it_is_the_double_loop_without_partners(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_BLOCK", block)
    x, y, partner = _set(11, seed=1, shift=0.2), _set(11, seed=2), torch.randperm(11)
    found = KID.estimate(Rows(x), Rows(y), partner)
    assert found.value == pytest.approx(_of_pairs(x, y[partner]), abs=1e-12)


def test_it_is_the_same_in_any_order_of_rows() -> None:
    x, y = _set(30, seed=1, shift=0.2), _set(30, seed=2)
    plain, paired = KID.estimate(Rows(x), Rows(y), None), KID.estimate(Rows(x), Rows(y), torch.arange(30))
    assert plain == pytest.approx(KID.estimate(Rows(x.flip(0)), Rows(y), None), rel=1e-10)
    assert paired == pytest.approx(KID.estimate(Rows(x.flip(0)), Rows(y), torch.arange(30).flip(0)), rel=1e-10)


def test_a_perfect_copy_of_pairs_is_at_0_and_was_below_it_by_what_two_sets_score() -> None:
    x, order = _set(200, width=64, seed=3), torch.randperm(200, generator=torch.Generator().manual_seed(4))
    copy = KID.estimate(Rows(x), Rows(x[order]), order.argsort())
    assert copy.value == pytest.approx(0.0, abs=1e-9)
    assert copy.se == pytest.approx(0.0, abs=1e-9)
    assert KID.measure(Rows(x), Rows(x[order])) < -0.001


def test_of_equal_sources_the_mean_is_0() -> None:
    draws = [KID.measure(Rows(_set(40, 8, seed)), Rows(_set(60, 8, 1000 + seed))) for seed in range(400)]
    assert abs(np.mean(draws)) < 3.0 * np.std(draws) / 20.0
    assert min(draws) < 0.0 < max(draws)


def test_of_pairs_from_equal_sources_the_mean_is_0_and_without_partners_it_is_not() -> None:
    """Both sides answer the same inputs and differ by noise of their own."""
    plain, paired = [], []
    for seed in range(400):
        inputs = _set(40, 8, seed)
        x, y = (Rows(inputs + 0.5 * _set(40, 8, 1000 * side + seed)) for side in (1, 2))
        plain.append(KID.measure(x, y))
        paired.append(KID.estimate(x, y, torch.arange(40)).value)
    assert abs(np.mean(paired)) < 3.0 * np.std(paired) / 20.0
    assert np.mean(plain) < -3.0 * np.std(plain) / 20.0


def test_the_error_is_the_jackknife_of_the_double_loop() -> None:
    x, y = _set(9, seed=1, shift=0.4), _set(7, seed=2)
    without = [[mmd2(_less(x, i), y) for i in range(9)], [mmd2(x, _less(y, j)) for j in range(7)]]
    variance = sum((len(each) - 1) * np.var(each) for each in without)
    assert KID.estimate(Rows(x), Rows(y), None).se == pytest.approx(variance**0.5, rel=1e-9)


def test_the_error_of_pairs_is_the_jackknife_of_the_double_loop() -> None:
    x, y = _set(9, seed=1, shift=0.4), _set(9, seed=2)
    without = [_of_pairs(_less(x, i), _less(y, i)) for i in range(9)]
    assert KID.estimate(Rows(x), Rows(y), torch.arange(9)).se == pytest.approx((8 * np.var(without)) ** 0.5, rel=1e-9)


@pytest.mark.parametrize("paired", [False, True])
def test_two_errors_about_a_value_hold_the_truth_as_often_as_they_should(paired: bool) -> None:
    found = []
    for seed in range(200):
        x, y = _set(60, 8, seed, shift=0.5), _set(60, 8, 1000 + seed)
        found.append(KID.estimate(Rows(x), Rows(y), torch.arange(60) if paired else None))
    truth = np.mean([each.value for each in found])
    held = [abs(each.value - truth) <= 2.0 * (each.se or 0.0) for each in found]
    assert 0.88 <= np.mean(held) <= 0.99


def test_two_images_a_side_have_a_value_and_no_error() -> None:
    x, y = Rows(_set(2, seed=1)), Rows(_set(2, seed=2))
    assert KID.estimate(x, y, None).se is None
    assert KID.estimate(x, y, torch.arange(2)).se is None


def test_farther_sets_score_higher() -> None:
    scores = [KID.measure(Rows(_set(90, seed=1, shift=shift)), Rows(_set(80))) for shift in (0.0, 0.3, 0.6, 1.2)]
    assert scores == sorted(scores)
    assert len(set(scores)) == 4


def test_one_image_and_rows_of_two_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 2 or more"):
        KID.measure(Rows(_set(1)), Rows(_set(50)))
    with pytest.raises(ValueError, match="16 numbers with features of 6"):
        KID.measure(Rows(_set(50)), Rows(_set(50, width=6)))


def test_it_has_no_settings() -> None:
    with pytest.raises(CardError, match=r"settings\.subsets is not a setting"):
        Mmd({"subsets": 100}, {})
