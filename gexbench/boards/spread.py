"""Numbers over seeds: mean, standard deviation, confidence interval, and whether two rows differ."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
POWER = 0.8
STILL = 1e-5
"""Share of the mean below which a deviation is what another processor's rounding gives, and no seed's."""


@dataclass(frozen=True)
class Spread:
    """What seeds gave. `std` and the interval are None where undefined: one value, or some of them infinite.

    se: the standard error of one value over the test images, None where it is not known. Seeds share these, so it does
    not fall with their number.
    """

    mean: float
    n: int
    std: float | None = None
    low: float | None = None
    high: float | None = None
    se: float | None = None

    @property
    def still(self) -> bool:
        """Say whether seeds change nothing, or no more than another processor does."""
        return self.std is not None and self.std <= STILL * abs(self.mean)


def spread(values: Sequence[float]) -> Spread:
    """Return the mean, the sample standard deviation and Student's 95 % interval of the mean.

    values: at least one, none NaN. Infinite ones (the PSNR of identical images) make the mean infinite.
    """
    mean, n = math.fsum(values) / len(values), len(values)
    if len(set(values)) == 1:
        mean = float(values[0])
        return Spread(mean, n, *((0.0, mean, mean) if n > 1 else ()))
    if not math.isfinite(mean):
        return Spread(mean, n)
    std = statistics.stdev(values)
    half = _quantile(n - 1) * std / math.sqrt(n)
    return Spread(mean, n, std, mean - half, mean + half)


@dataclass(frozen=True)
class Difference:
    """How far one mean lies from another, with Welch's 95 % interval; None where it is undefined.

    p: of Welch's two-sided t-test that the means are equal, 1 where it is undefined.
    """

    value: float
    low: float | None = None
    high: float | None = None
    p: float = 1.0


def difference(a: Spread, b: Spread) -> Difference:
    """Return mean a - mean b with its interval; two values without spread differ by exactly what they differ."""
    if a.mean == b.mean:
        return Difference(0.0, *((0.0, 0.0) if a.std == b.std == 0 else ()))
    gap = a.mean - b.mean
    if a.std is None or b.std is None:
        return Difference(gap)
    if not math.isfinite(gap) or a.std == b.std == 0:
        return Difference(gap, gap, gap, 0.0)
    part_a, part_b = a.std**2 / a.n, b.std**2 / b.n
    freedom = (part_a + part_b) ** 2 / (part_a**2 / (a.n - 1) + part_b**2 / (b.n - 1))
    error = math.sqrt(part_a + part_b)
    half = _quantile(freedom) * error
    return Difference(gap, gap - half, gap + half, _two_sided(gap / error, freedom))


def detectable(std: float, n: int) -> float:
    """Return the difference of two means of `n` values each that a two-sided t-test at 5 % finds with POWER.

    std: of the values. n: at least 2. Differences of the wrong sign, less than 1e-6 of those found, are left out.
    Source: Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2, by the noncentral t.
    """
    from scipy.special import nctdtrinc

    freedom = 2 * (n - 1)
    return float(nctdtrinc(freedom, 1 - POWER, _quantile(freedom))) * std * math.sqrt(2 / n)


def _two_sided(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return 2 * float(stdtr(freedom, -abs(t)))


def _quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2))
