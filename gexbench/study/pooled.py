"""The analysis of the image-translation paper: ratings in one pot, as if no two had rater or image in common.

Source: Szyller et al. 2023, section 5.4. It is reported beside ours to be compared, and its p are too small wherever
ratings of one picture are alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BOUND = 0.3
"""The paper's bound of equivalence, in pooled standard deviations."""
LEVEL = 0.05


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of an arm's n ratings."""

    mean: float
    std: float
    n: int


@dataclass(frozen=True)
class Pooled:
    """Welch's t and p of the difference a - b; d: Cohen's; error: the difference's standard error.

    outside: p of two one-sided tests at `bound` standard deviations. smallest: points of the scale at which that p is
    just LEVEL: a number to see how the paper found its bounds, no bound to choose, since it comes from the answers.
    """

    t: float
    error: float
    freedom: float
    p: float
    d: float
    outside: float
    smallest: float

    def half_width(self) -> float:
        """Return how far the 95 % interval of the difference reaches on either side."""
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, 1 - LEVEL / 2)) * self.error


def pooled(a: Summary, b: Summary, bound: float = BOUND) -> Pooled:
    """Return the paper's analysis of two arms."""
    parts = a.std**2 / a.n, b.std**2 / b.n
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (a.n - 1) + parts[1] ** 2 / (b.n - 1))
    return _tests(a, b, (math.sqrt(sum(parts)), freedom), bound)


def with_image_share(a: Summary, b: Summary, images: int, share: float, bound: float = BOUND) -> Pooled:
    """Return the same where ratings of one picture correlate by `share` and each arm shows `images` of its own.

    Degrees of freedom are those of the images: 2 · (images - 1).
    """
    variance = sum(each.std**2 * ((1 - share) / each.n + share / images) for each in (a, b))
    return _tests(a, b, (math.sqrt(variance), 2.0 * (images - 1)), bound)


def _tests(a: Summary, b: Summary, known: tuple[float, float], bound: float) -> Pooled:
    from scipy.special import stdtr, stdtrit

    error, freedom = known
    gap, std = a.mean - b.mean, math.sqrt((a.std**2 + b.std**2) / 2)
    return Pooled(
        t=gap / error,
        error=error,
        freedom=freedom,
        p=2 * float(stdtr(freedom, -abs(gap) / error)),
        d=gap / std,
        outside=float(stdtr(freedom, (abs(gap) - bound * std) / error)),
        smallest=abs(gap) + float(stdtrit(freedom, 1 - LEVEL)) * error,
    )
