"""Rows of a table that are told apart, and their letters."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from gexbench.boards.letters import letters, told_apart
from gexbench.boards.spread import difference, spread


def test_holms_procedure_stops_at_the_first_pair_that_misses_its_level() -> None:
    found = told_apart({(0, 1): 0.012, (0, 2): 0.001, (1, 2): 0.04, (0, 3): 0.01, (1, 3): 0.5, (2, 3): 0.9})
    assert found == {(0, 2), (0, 3), (0, 1)}  # 0.001 < 0.05/6, 0.01 <= 0.05/5, 0.012 < 0.05/4, 0.04 > 0.05/3
    assert told_apart({}) == frozenset()


@pytest.mark.parametrize(
    ("apart", "shown"),
    [
        ((), ["a", "a", "a"]),
        (((0, 2),), ["a", "a b", "b"]),
        (((0, 1), (0, 2)), ["a", "b", "b"]),
        (((0, 1), (0, 2), (1, 2)), ["a", "b", "c"]),
    ],
)
def test_rows_share_a_letter_where_they_are_not_told_apart(
    apart: tuple[tuple[int, int], ...], shown: list[str]
) -> None:
    assert letters(3, apart) == shown


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_told_apart_the_letters_say_it_and_nothing_else(seed: int) -> None:
    rng, count = np.random.default_rng(seed), 7
    apart = {pair for pair in combinations(range(count), 2) if rng.random() < 0.4}
    shown = [set(mark.split()) for mark in letters(count, apart)]
    assert all(shown)
    assert {pair for pair in combinations(range(count), 2) if shown[pair[0]].isdisjoint(shown[pair[1]])} == apart


def test_letters_go_on_behind_z() -> None:
    every = set(combinations(range(28), 2))
    assert letters(28, every)[24:] == ["y", "z", "a1", "b1"]


@pytest.mark.parametrize("rows", [4, 10])
@pytest.mark.parametrize("seeds", [3, 5])
def test_among_equal_rows_somebody_is_told_apart_in_at_most_one_table_of_twenty(rows: int, seeds: int) -> None:
    rng, found, tables = np.random.default_rng(rows * seeds), 0, 400
    for _ in range(tables):
        spreads = [spread(values) for values in rng.normal(size=(rows, seeds)).tolist()]
        pairs = combinations(range(rows), 2)
        found += bool(told_apart({(a, b): difference(spreads[a], spreads[b]).p for a, b in pairs}))
    assert found <= 0.05 * tables
