from __future__ import annotations

import math

import pytest
from scipy import stats

from gexbench.boards.spread import POWER, detectable, difference, spread


def test_mean_deviation_and_interval_are_those_of_a_hand_computation() -> None:
    found = spread([1.0, 2.0, 3.0])
    assert (found.mean, found.std, found.n) == (2.0, 1.0, 3)
    half = 4.302652729911275 / math.sqrt(3)  # Student's t, 2 degrees of freedom, 97.5 %
    assert found.low == pytest.approx(2 - half)
    assert found.high == pytest.approx(2 + half)


def test_one_value_has_no_deviation_and_no_interval() -> None:
    assert spread([2.5]) == spread([2.5])
    assert (spread([2.5]).std, spread([2.5]).low) == (None, None)


def test_equal_values_have_deviation_zero() -> None:
    found = spread([0.1, 0.1, 0.1])
    assert (found.mean, found.std, found.low, found.high) == (0.1, 0.0, 0.1, 0.1)


def test_an_infinite_value_makes_the_mean_infinite_and_the_deviation_unknown() -> None:
    found = spread([math.inf, 30.0])
    assert found.mean == math.inf
    assert found.std is None
    assert spread([math.inf, math.inf]).std == 0.0


@pytest.mark.parametrize(("a", "b"), [([27.0, 27.1, 27.2], [26.7, 26.9, 27.4]), ([3.0, 3.1, 3.2, 3.3], [1.0, 1.1])])
def test_differences_are_significant_exactly_when_welchs_test_says_so(a: list[float], b: list[float]) -> None:
    found = difference(spread(a), spread(b))
    test = stats.ttest_ind(a, b, equal_var=False)
    low, high = test.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(test.pvalue)


def test_values_without_spread_differ_by_what_they_differ() -> None:
    found = difference(spread([2.0, 2.0]), spread([1.0, 1.0]))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
    assert found.p == 0
    assert difference(spread([2.0, 2.0]), spread([2.0, 2.0])).p == 1


def test_a_single_value_never_differs_significantly() -> None:
    assert difference(spread([9.0]), spread([1.0, 1.1])).p == 1


def test_two_infinite_means_are_a_tie_and_one_is_ahead_of_any_number() -> None:
    perfect = spread([math.inf, math.inf])
    assert difference(perfect, perfect).p == 1
    assert difference(perfect, spread([30.0, 31.0])).p == 0


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_the_detectable_difference_is_found_with_the_power_it_promises(n: int) -> None:
    freedom, shift = 2 * n - 2, detectable(2.0, n) / (2.0 * math.sqrt(2 / n))
    bound = stats.t.ppf(0.975, freedom)
    found = stats.nct.sf(bound, freedom, shift) + stats.nct.cdf(-bound, freedom, shift)
    assert found == pytest.approx(POWER, abs=1e-5)


@pytest.mark.parametrize(("n", "factor"), [(3, 3.07), (5, 2.02)])
def test_with_few_seeds_rows_must_lie_far_apart(n: int, factor: float) -> None:
    assert detectable(1.0, n) == pytest.approx(factor, abs=0.005)


def test_values_are_still_where_they_differ_by_rounding_alone() -> None:
    assert spread([0.0, 0.0]).still
    assert spread([93.2733, 93.2734]).still
    assert not spread([93.27, 93.28]).still
    assert not spread([93.2733]).still
