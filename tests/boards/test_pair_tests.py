"""Tests of two rows against scipy, by hand, and by simulation."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from gexbench.boards.letters import LEVEL, told_apart
from gexbench.boards.pair_tests import POWER, adjusted, paired, sign_flip, welch
from gexbench.boards.spread import difference, spread

ROWS = ([27.0, 27.1, 27.2, 27.5], [26.7, 26.9, 27.4])


def test_welchs_test_is_scipys_and_that_of_the_letters() -> None:
    found, scipys = welch(*ROWS), stats.ttest_ind(*ROWS, equal_var=False)
    assert (found.p, found.freedom) == pytest.approx((scipys.pvalue, scipys.df))
    assert found.interval(0.9) == pytest.approx(tuple(scipys.confidence_interval(0.9)))
    assert found.p == difference(*map(spread, ROWS)).p


def test_the_paired_test_is_scipys() -> None:
    a, b = [3.0, 3.4, 2.9, 3.3], [2.8, 3.3, 2.6, 3.0]
    found, scipys = paired(a, b), stats.ttest_rel(a, b)
    assert (found.p, found.freedom) == pytest.approx((scipys.pvalue, 3))
    assert found.interval() == pytest.approx(tuple(scipys.confidence_interval(0.95)))
    assert found.correlation == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_turning_signs_is_exact_and_can_be_no_smaller_than_all_of_one_sign_are() -> None:
    assert [sign_flip([1.0] * 3), sign_flip([0.1, 0.2, 0.3, 0.4, 0.5])] == [0.25, 0.0625]
    assert sign_flip([1.0, -1.0]) == 1.0
    assert sign_flip([1.0] * 17) is None
    gaps = [0.5, -0.1, 0.9, 0.3, 0.2, -0.4]
    exact = stats.permutation_test((gaps,), np.mean, permutation_type="samples").pvalue
    assert sign_flip(gaps) == pytest.approx(exact)


def test_two_one_sided_tests_hold_exactly_where_the_90_percent_interval_lies_inside_the_margin() -> None:
    found = welch(*ROWS)
    low, high = found.interval(0.9) or (0.0, 0.0)
    edge = max(-low, high)
    assert found.outside(edge) == pytest.approx(LEVEL)
    assert found.outside(edge * 1.01) < LEVEL < found.outside(edge * 0.99)


@pytest.mark.parametrize(("seeds", "times"), [(3, 3.07), (5, 2.02)])
def test_the_detectable_difference_is_the_reference_pages_multiple_of_the_deviation(seeds: int, times: float) -> None:
    values = np.linspace(-1, 1, seeds)
    found = welch(list(values), list(values))
    assert found.detectable() == pytest.approx(times * values.std(ddof=1), abs=0.005 * times)


def test_a_detectable_difference_is_found_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    shift = welch(*([-1.0, 0.0, 1.0],) * 2).detectable() or 0.0
    pairs = rng.normal(size=(4000, 2, 3)) + np.array([0.0, shift])[:, None]
    p = stats.ttest_ind(pairs[:, 0], pairs[:, 1], axis=1).pvalue
    assert np.mean(p <= LEVEL) == pytest.approx(POWER, abs=0.02)


def test_seeds_needed_are_the_fewest_that_would_find_the_difference() -> None:
    found = welch([0.0, 1.0, 2.0], [1.5, 2.5, 3.5])
    needed = found.seeds_needed() or 0
    edge, spread_of = stats.t.ppf(0.975, 2 * needed - 2), math.sqrt(2 / needed)
    assert 1 - stats.nct.cdf(edge, 2 * needed - 2, 1.5 / spread_of) >= POWER
    fewer = needed - 1
    edge, spread_of = stats.t.ppf(0.975, 2 * fewer - 2), math.sqrt(2 / fewer)
    assert 1 - stats.nct.cdf(edge, 2 * fewer - 2, 1.5 / spread_of) < POWER
    assert welch([0.0, 1.0], [0.0, 1.0]).seeds_needed() is None


@pytest.mark.parametrize("test", [welch, paired])
def test_what_has_no_spread_has_no_power_and_what_is_infinite_no_interval(test: type) -> None:
    same = test([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])
    assert (same.p, same.interval(), same.detectable()) == (0.0, (1.0, 1.0), None)
    perfect = test([math.inf] * 3, [30.0, 31.0, 32.0])
    assert (perfect.p, perfect.value, perfect.interval()) == (0.0, math.inf, None)
    assert test([1.0], [2.0]).p == 1
    assert test([1.0], [2.0]).outside(5.0) == 1


def test_perfect_seeds_on_both_sides_tell_nothing() -> None:
    for test in (welch, paired):
        found = test([math.inf, 30.0, 31.0], [30.0, math.inf, 31.0])
        assert (found.value, found.p, found.interval(), found.detectable()) == (0.0, 1.0, None, None)


@pytest.mark.parametrize("seed", range(20))
def test_an_adjusted_p_is_small_exactly_where_holms_procedure_finds_the_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p_values = {pair: float(rng.random() ** 4) for pair in combinations(range(5), 2)}
    found = adjusted(p_values)
    assert {pair for pair, p in found.items() if p <= LEVEL} == told_apart(p_values)
    assert all(1 >= found[pair] >= p for pair, p in p_values.items())


@pytest.mark.parametrize("rows", [4, 10])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("test", [welch, paired])
def test_among_equal_rows_somebody_differs_in_at_most_one_table_of_twenty(rows: int, seeds: int, test: type) -> None:
    """Rows of a paired table share what the seed brings, which is larger than what is their own."""
    rng, found, tables = np.random.default_rng(rows * seeds), 0, 400
    for _ in range(tables):
        values = (rng.normal(size=(rows, seeds)) + (3 * rng.normal(size=seeds) if test is paired else 0)).tolist()
        p_values = {(a, b): test(values[a], values[b]).p for a, b in combinations(range(rows), 2)}
        found += min(adjusted(p_values).values()) <= LEVEL
    assert found <= 0.05 * tables


def test_rows_that_truly_differ_by_the_margin_are_called_equivalent_in_at_most_one_of_twenty() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(2000, 2, 5)) + np.array([2.0, 0.0])[:, None]
    assert np.mean([welch(a, b).outside(2.0) <= LEVEL for a, b in draws.tolist()]) <= 0.06
