"""Which rows of a table are told apart, and the letters that say so."""

from __future__ import annotations

from collections.abc import Collection, Mapping

LEVEL = 0.05
"""The probability that any two rows of a table are told apart where all are equal."""
Pair = tuple[int, int]


def told_apart(p_values: Mapping[Pair, float]) -> frozenset[Pair]:
    """Return the pairs of rows that differ, by Holm's procedure over all pairs of a table at LEVEL.

    p_values: of each pair's test. Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    found: set[Pair] = set()
    for place, (pair, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if p > LEVEL / (len(p_values) - place):
            break
        found.add(pair)
    return frozenset(found)


def letters(count: int, apart: Collection[Pair]) -> list[str]:
    """Return letters for rows 0 to `count` - 1: two rows share one exactly where they are not told apart.

    Letters follow the order of the rows; a row behind the 26th group of rows gets `a1` and so on. Source: Piepho 2004,
    An algorithm for a letter-based representation of all-pairwise comparisons, insert and absorb.
    """
    groups = [frozenset(range(count))]
    for first, second in sorted(apart):
        split = [group - {row} if {first, second} <= group else group for group in groups for row in (first, second)]
        groups = [group for group in dict.fromkeys(split) if not any(group < other for other in split)]
    ordered = sorted(groups, key=sorted)
    return [" ".join(_name(place) for place, group in enumerate(ordered) if row in group) for row in range(count)]


def _name(place: int) -> str:
    turn, letter = divmod(place, 26)
    return chr(ord("a") + letter) + (str(turn) if turn else "")
