"""How far two arms lie apart for raters and images beyond those of a study.

A rating is a mean, plus what the rater gives in general, plus what the image gets in general, plus half of the effect
with the sign of the arm, plus noise; the effect has a part of the rater and one of the image. All parts are random.
In a Latin square the general parts cancel, and the means of squares give the variance without iterations; its degrees
of freedom are Satterthwaite's, so that intervals hold with ten raters, where those of a fitted mixed model (normal
quantiles) are too narrow. `benchmarks/study_coverage.py` measures it. Source: Scheffé 1959, The analysis of variance,
chapter 8; Satterthwaite 1946.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gexbench.boards.pair_tests import PairTest
from gexbench.study.key import StudyError

Floats = NDArray[np.float64]
LEAST = 2
"""Raters that a page needs."""
DRAWS = 2000
CONFIDENCE, LEVEL, POWER = 0.95, 0.05, 0.8
NOTHING = 1e-9
"""A standard error below which ratings do not vary but for rounding."""
LARGEST = 400
"""Images and raters up to which a larger study is looked for."""


@dataclass(frozen=True)
class Ratings:
    """Scores of the rated items: of each page raters by images, the same images in the same order.

    signs: of the first page's images, +1 where it shows arm b and -1 for arm a; the second shows the other.
    """

    scores: tuple[Floats, Floats]
    signs: Floats

    @property
    def signed(self) -> tuple[Floats, Floats]:
        """Return scores with the sign of their arm."""
        return self.scores[0] * self.signs, self.scores[1] * -self.signs

    def of_arm(self, arm: int) -> Floats:
        """Return all scores of arm a (-1) or b (+1)."""
        first, second = self.scores
        return np.concatenate([first[:, self.signs == arm].ravel(), second[:, self.signs == -arm].ravel()])


@dataclass(frozen=True)
class Shares:
    """Variances of one rating's parts, none below 0: general ones, those of the effect, and noise."""

    rater: float
    image: float
    rater_effect: float
    image_effect: float
    noise: float

    @property
    def total(self) -> float:
        """Return the variance of a rating."""
        return self.rater + self.image + (self.rater_effect + self.image_effect) / 4 + self.noise

    @property
    def of_raters(self) -> float:
        """Return the correlation of two ratings of one rater and arm."""
        return (self.rater + self.rater_effect / 4) / self.total if self.total else 0.0

    @property
    def of_images(self) -> float:
        """Return the correlation of two ratings of one picture."""
        return (self.image + self.image_effect / 4) / self.total if self.total else 0.0


@dataclass(frozen=True)
class Effect:
    """The mean of arm b less that of arm a, its test, and where its doubt comes from; d: in standard deviations."""

    test: PairTest
    shares: Shares
    d: float
    raters: tuple[int, int]
    images: int


def effect(ratings: Ratings) -> Effect:
    """Return the effect of the arm; raises StudyError with too few raters, or where all ratings are one."""
    sizes = len(ratings.scores[0]), len(ratings.scores[1])
    for page, count in enumerate(sizes, start=1):
        if count < LEAST:
            raise StudyError(
                f"page {page} has {count} rater{'s' * (count != 1)} to count, and {LEAST} are the least",
                "collect more answers",
            )
    images = len(ratings.signs)
    slopes = [2 * page.mean(axis=1) for page in ratings.signed]
    value = float(np.mean([page.mean() for page in slopes]))
    parts, shares = _variance(ratings, slopes)
    error, freedom = _combined(parts)
    spread = math.sqrt(np.mean([ratings.of_arm(arm).var(ddof=1) for arm in (-1, 1)]))
    if error < NOTHING:
        raise StudyError("the ratings do not vary: nothing says how sure their mean is", "collect more answers")
    p = 2 * _below(-abs(value) / error, freedom)
    test = PairTest("paired", sizes, value, error, freedom, p)
    return Effect(test, shares, value / spread, sizes, images)


Part = tuple[float, float]
"""A variance and its degrees of freedom."""


def _variance(ratings: Ratings, slopes: Sequence[Floats]) -> tuple[list[Part], Shares]:
    """Return the variance of the effect over raters, over images, and what both hold; and the shares."""
    sizes, images = [len(page) for page in slopes], len(ratings.signs)
    inverse = sum(1 / size for size in sizes)
    centred = [page - page.mean(axis=0) for page in ratings.scores]
    signs = ratings.signs
    left = [page - page.mean(axis=1, keepdims=True) - np.outer(page @ signs / images, signs) for page in centred]
    free = (sum(sizes) - 2) * (images - 2)
    noise = float(sum((page**2).sum() for page in left)) / free
    within = [float(page.var(ddof=1)) for page in slopes]
    pieces = [v / (4 * n) for v, n in zip(within, sizes, strict=True)]
    over_raters = sum(pieces)
    rater_free = _freedom([(piece, n - 1) for piece, n in zip(pieces, sizes, strict=True)], over_raters)
    means = [page.mean(axis=0) for page in ratings.scores]
    apart = _residual((means[0] - means[1]) * ratings.signs, ratings.signs)
    general = _residual((means[0] + means[1]) / 2, ratings.signs)
    pooled = [float(page.mean(axis=1).var(ddof=1)) for page in ratings.scores]
    shares = Shares(
        rater=max(0.0, float(np.average(pooled, weights=[n - 1 for n in sizes])) - noise / images),
        image=max(0.0, general - noise * inverse / 4),
        rater_effect=max(0.0, float(np.average(within, weights=[n - 1 for n in sizes])) - 4 * noise / images),
        image_effect=max(0.0, apart - noise * inverse),
        noise=noise,
    )
    return [(over_raters, rater_free), (apart / images, images - 2), (noise * inverse / images, free)], shares


def _residual(values: Floats, signs: Floats) -> float:
    """Return the variance of values around the means of either sign."""
    rest = values - values.mean() - (values @ signs / len(signs)) * signs
    return float((rest**2).sum() / (len(signs) - 2))


def _combined(parts: Sequence[Part]) -> tuple[float, float]:
    """Return standard error and degrees of freedom: the noise counts in both the first parts, so one is taken off."""
    (raters, rater_free), (images, image_free), (noise, _) = parts
    variance = max(raters + images - noise, noise)
    # no sum of variances has fewer degrees of freedom than each of them; a difference would
    return math.sqrt(variance), max(_freedom(parts, variance), min(rater_free, image_free))


def _freedom(parts: Sequence[Part], variance: float) -> float:
    below = sum(part**2 / free for part, free in parts)
    return max(1.0, variance**2 / below) if below else 1.0


def bootstrap(ratings: Ratings, seed: int = 0) -> tuple[float, float]:
    """Return a 95 % interval from drawing raters of each page and images of each arm anew, both with replacement.

    It counts noise twice over, so it is rather too wide. Source: Owen 2007, The pigeonhole bootstrap.
    """
    dice, images = np.random.default_rng(seed), len(ratings.signs)
    weights = np.zeros((DRAWS, images))
    for sign in (-1, 1):
        places = np.flatnonzero(ratings.signs == sign)
        weights[:, places] = dice.multinomial(len(places), np.full(len(places), 1 / len(places)), DRAWS)
    drawn = np.zeros(DRAWS)
    for page in ratings.signed:
        counts = dice.multinomial(len(page), np.full(len(page), 1 / len(page)), DRAWS)
        drawn += ((counts @ page) * weights).sum(axis=1) / (len(page) * images)
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def power(shares: Shares, raters: int, images: int, margin: float) -> float:
    """Return how often a study finds equivalence where the arms are equal; raters: of each page, two or more."""
    inverse = 2 / raters
    noise = shares.noise * inverse / images
    over_raters = shares.rater_effect * inverse / 4 + noise
    over_images = shares.image_effect / images + noise
    free = 2 * raters - 2
    parts = [(over_raters, free), (over_images, images - 2), (noise, free * (images - 2))]
    error, freedom = _combined(parts)
    if not error:
        return 1.0
    room = margin / error + _quantile(freedom, LEVEL)
    return max(0.0, 2 * _below(room, freedom) - 1)


def images_needed(shares: Shares, raters: int, margin: float) -> int | None:
    """Return the least even number of images for which `power` is POWER; None where over LARGEST are."""
    return next((n for n in range(4, LARGEST + 1, 2) if power(shares, raters, n, margin) >= POWER), None)


def raters_needed(shares: Shares, images: int, margin: float) -> int | None:
    """Return the least number of raters of a page for which `power` is POWER; None where over LARGEST are."""
    return next((n for n in range(2, LARGEST + 1) if power(shares, n, images, margin) >= POWER), None)


def _below(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(freedom, t))


def _quantile(freedom: float, share: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))
