"""Draws from sets of features, and what they tell: the standard error of any metric of sets over the images."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gexbench.core.features import CHUNK, Features, Moments, Rows

SAMPLES, FEWER, MANY = 20, 8, 2000
"""Half-samples that are drawn, and how many of sets of more than MANY images, where each takes its time."""


class Drawn:
    """Some rows of a larger set of features; `which` (n,) int64 says which and in what order."""

    def __init__(self, features: Features, which: Tensor) -> None:
        self._features = features
        self._which = which

    @property
    def shape(self) -> tuple[int, int]:
        """Return how many images were drawn and how long a row is."""
        return len(self._which), self._features.shape[1]

    @cached_property
    def moments(self) -> Moments:
        """Return the moments of the drawn rows."""
        return Moments.of_chunks(self._features.rows(part) for part in self._which.split(CHUNK))

    @property
    def lots(self) -> Tensor:
        """Return the lots of the drawn images."""
        return self._features.lots[self._which]

    def rows(self, which: Tensor | slice) -> Tensor:
        """Return the rows of the given numbers, or of a slice, counted among the drawn ones."""
        return self._features.rows(self._which[which])


def draw(lots: Tensor, size: int, seed: int) -> Tensor:
    """Return the numbers (size,) int64 of images drawn without replacement, rising.

    lots: as `Features.lots`. Who is drawn hangs on each image's own lot: where one image changes, one other at most
    leaves the draw or joins it.
    """
    order = np.argsort(_mixed(lots.numpy().view(np.uint64), seed), kind="stable")
    return torch.from_numpy(np.sort(order[:size]))


def halves(sides: Sequence[Features], partner: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
    """Yield for each half-sample the numbers of the rows drawn of each side, half of it without replacement.

    Sides are drawn independently; with partners (see `SetEstimator`) the reference's half are those of the images'.
    Lots decide by a fixed seed: names and orders change nothing, and one changed image one place at most.
    """
    samples = SAMPLES if max(side.shape[0] for side in sides) <= MANY else FEWER
    for sample in range(samples):
        if partner is None:
            yield tuple(
                draw(side.lots, side.shape[0] // 2, sample * len(sides) + number) for number, side in enumerate(sides)
            )
        else:
            half = draw(sides[1].lots[partner], len(partner) // 2, sample)
            yield half, partner[half]


def standard_error(measure: Callable[..., float], sides: Sequence[Features], partner: Tensor | None) -> float | None:
    """Return the standard deviation of a metric over half-samples of its sets; None where halves are too small for it.

    Of a half drawn without replacement the variance is that of the whole: the sampled half takes twice of it, the
    finite set gives half back. Copies of rows, which a bootstrap would draw and which bias distances of sets, do not
    occur. Source: the delete-d jackknife, d = n/2, Shao and Wu 1989, sections 2 and 3.
    """
    values, held = [], [Rows(side.rows(slice(None))) if side.shape[0] <= MANY else side for side in sides]
    for rows in halves(sides, partner):
        try:
            values.append(measure(*(Drawn(side, which) for side, which in zip(held, rows, strict=True))))
        except ValueError:
            return None
    return deviation(values)


def deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation; None of fewer than two values and where one is infinite."""
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return None
    return statistics.stdev(values)


def _mixed(lots: np.ndarray[Any, np.dtype[np.uint64]], seed: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return lots as even as random ones, others for each seed. Source: Steele, Lea and Flood 2014, SplitMix64."""
    mixed = lots + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
