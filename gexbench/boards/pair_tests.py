"""Tests of two rows: whether they differ, whether they are the same within a margin, and what could have been seen."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gexbench.boards.letters import LEVEL, Pair
from gexbench.boards.spread import POWER, difference, spread

MOST_SEEDS = 1000
MOST_FLIPPED = 16
"""Pairs up to which all signs are tried; 65,536 ways."""


@dataclass(frozen=True)
class PairTest:
    """A difference of means over seeds and how sure it is.

    way: how it was tested. n: of how many values the means are, on both sides; of a paired test the pairs. value: mean
    a - mean b. error, freedom: its standard error and Student's degrees of freedom, None where undefined. p: two-sided,
    1 where undefined. sign_flip: of paired tests the exact p of turning signs, at least 2 / 2^n; correlation: of the
    pairs. stds: of both sides, of a paired test of the differences.
    """

    way: Literal["paired", "welch"]
    n: tuple[int, ...]
    value: float
    error: float | None = None
    freedom: float | None = None
    p: float = 1.0
    sign_flip: float | None = None
    correlation: float | None = None
    stds: tuple[float, ...] = ()

    def interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """Return Student's interval of the difference; None where it is undefined."""
        if self.error is None or self.freedom is None:
            return None
        half = _quantile(self.freedom, 0.5 + confidence / 2) * self.error if self.error else 0.0
        return self.value - half, self.value + half

    def outside(self, margin: float) -> float:
        """Return the p of two one-sided tests that the difference is `margin` or more, either way.

        It is at most 5 % exactly where the 90 % interval lies inside the margin. Source: Schuirmann 1987.
        """
        if self.error is None or self.freedom is None:
            return 1.0
        room = margin - abs(self.value)
        if not self.error:
            return 0.0 if room > 0 else 1.0
        return _below(-room / self.error, self.freedom)

    def detectable(self) -> float | None:
        """Return the least difference that so many seeds would find with probability POWER at LEVEL; None unknown."""
        if not self.error or self.freedom is None:
            return None
        return _least_shift(self.freedom) * self.error

    def seeds_needed(self) -> int | None:
        """Return how many seeds a side would find the difference at hand so; None where over MOST_SEEDS would."""
        if not self.error:
            return None
        return next((n for n in range(2, MOST_SEEDS + 1) if self._found_with(n)), None)

    def _found_with(self, n: int) -> bool:
        total = sum(std**2 for std in self.stds)
        freedom = (n - 1) * total**2 / sum(std**4 for std in self.stds)
        return _power(abs(self.value) / math.sqrt(total / n), freedom) >= POWER


def welch(a: Sequence[float], b: Sequence[float]) -> PairTest:
    """Return Welch's t-test of two rows' values; its p is the one that a board's letters come from."""
    one, other = spread(a), spread(b)
    gap, n = difference(one, other), (one.n, other.n)
    if one.std is None or other.std is None or not math.isfinite(gap.value):
        return PairTest("welch", n, gap.value, p=gap.p)
    parts = one.std**2 / one.n, other.std**2 / other.n
    if not any(parts):
        return PairTest("welch", n, gap.value, 0.0, float(one.n + other.n - 2), gap.p)
    freedom = sum(parts) ** 2 / sum(part**2 / (size - 1) for part, size in zip(parts, n, strict=True))
    return PairTest("welch", n, gap.value, math.sqrt(sum(parts)), freedom, gap.p, stds=(one.std, other.std))


def paired(a: Sequence[float], b: Sequence[float]) -> PairTest:
    """Return the paired t-test of values that belong together, with the exact test of their signs beside it."""
    gaps = [0.0 if x == y else x - y for x, y in zip(a, b, strict=True)]
    n = (len(gaps),)
    if len(gaps) < 2 or not all(map(math.isfinite, gaps)):
        gap = difference(spread(a), spread(b))
        return PairTest("paired", n, gap.value, p=gap.p)
    found = spread(gaps)
    if found.std is None:
        return PairTest("paired", n, found.mean)
    error, freedom = found.std / math.sqrt(found.n), float(found.n - 1)
    p = 2 * _below(-abs(found.mean) / error, freedom) if error else float(found.mean == 0)
    return PairTest(
        "paired", n, found.mean, error, freedom, p, sign_flip(gaps), _correlation(a, b), (found.std,) if error else ()
    )


def sign_flip(gaps: Sequence[float]) -> float | None:
    """Return which share of all ways to turn the signs gives a mean as far from 0; None over MOST_FLIPPED values."""
    import numpy as np

    if len(gaps) > MOST_FLIPPED:
        return None
    ways = np.arange(1 << len(gaps))[:, None] >> np.arange(len(gaps)) & 1
    sums = np.abs((1 - 2 * ways) @ np.asarray(gaps))
    return float(np.mean(sums >= sums[0] * (1 - 1e-12)))


def adjusted(p_values: Mapping[Pair, float]) -> dict[Pair, float]:
    """Return Holm's adjusted p of each pair: at most LEVEL exactly where `letters.told_apart` finds the pair."""
    found, least = dict[Pair, float](), 0.0
    for place, (pair, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        least = found[pair] = max(least, min(1.0, p * (len(p_values) - place)))
    return found


def _correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    if len(set(a)) == 1 or len(set(b)) == 1 or not all(map(math.isfinite, (*a, *b))):
        return None
    return statistics.correlation(a, b)


def _power(shift: float, freedom: float) -> float:
    """Return how often a two-sided t-test at LEVEL finds a difference of `shift` standard errors."""
    from scipy.special import nctdtr

    edge = _quantile(freedom, 1 - LEVEL / 2)
    found = 1 - float(nctdtr(freedom, shift, edge))
    return found if math.isfinite(found) else 1.0


def _least_shift(freedom: float) -> float:
    from scipy.special import nctdtrinc

    return float(nctdtrinc(freedom, 1 - POWER, _quantile(freedom, 1 - LEVEL / 2)))


def _below(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(freedom, t))


def _quantile(freedom: float, share: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))
