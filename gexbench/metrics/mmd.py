"""The squared maximum mean discrepancy of whole sets with a cubic kernel: KID where the features are Inception's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gexbench.core.draws import Drawn
from gexbench.core.features import Features
from gexbench.core.metric import Estimate
from gexbench.metrics.kernel import blocks, cubic
from gexbench.metrics.sets import check_sizes
from gexbench.metrics.settings import read


@dataclass(frozen=True)
class Recipe:
    """The distance of whole sets has no settings."""


class Mmd:
    """Kernel distance of two whole sets; `Mmd(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        read(Recipe, settings)

    def measure(self, images: Features, reference: Features) -> float:
        """Return the distance, unbiased and so below 0 at times; raises ValueError below two images a side."""
        return self.estimate(images, reference, None).value

    def estimate(self, images: Features, reference: Features, partner: Tensor | None) -> Estimate:
        """Return the distance and its jackknife error; partners do not meet in it, so that a perfect copy scores 0.

        Source: Gretton, Borgwardt, Rasch, Schoelkopf and Smola 2012, Lemma 6, eq. 3, and with partners the h-statistic
        of eq. 4; the error: Efron and Stein 1981, leaving out one image of each set in turn, or one pair.
        """
        check_sizes(images, reference, least=2)
        if partner is None:
            return _of_two(_row_sums(images, reference))
        return _of_pairs(_row_sums(images, Drawn(reference, partner)))


class _RowSums(NamedTuple):
    """The kernel of each row summed over the other rows of its set, and over the rows of the other set, float64.

    facing: the kernel of the rows of one number, in pairs.
    """

    x: Tensor
    y: Tensor
    x_across: Tensor
    y_across: Tensor
    facing: Tensor


def _row_sums(x: Features, y: Features) -> _RowSums:
    x_across, y_across = (torch.zeros(each.shape[0], dtype=torch.float64) for each in (x, y))
    facing = torch.zeros(min(x.shape[0], y.shape[0]), dtype=torch.float64)
    for here, a in blocks(x):
        for there, b in blocks(y):
            kernel = cubic(a, b)
            x_across[here] += kernel.sum(dim=1)
            y_across[there] += kernel.sum(dim=0)
            if here == there:
                facing[here] = kernel.diagonal()
    return _RowSums(_within(x), _within(y), x_across, y_across, facing)


def _within(features: Features) -> Tensor:
    sums = torch.zeros(features.shape[0], dtype=torch.float64)
    for here, x in blocks(features):
        sums[here] += cubic(x, x).fill_diagonal_(0.0).sum(dim=1)
        for there, y in blocks(features, start=here.stop):
            kernel = cubic(x, y)
            sums[here] += kernel.sum(dim=1)
            sums[there] += kernel.sum(dim=0)
    return sums


def _of_two(sums: _RowSums) -> Estimate:
    n, m, total = len(sums.x), len(sums.y), float(sums.x_across.sum())
    x, y = float(sums.x.sum()), float(sums.y.sum())
    value = x / (n * (n - 1)) + y / (m * (m - 1)) - 2.0 * total / (n * m)
    if min(n, m) < 3:
        return Estimate(value, None)
    less_x = (x - 2.0 * sums.x) / ((n - 1) * (n - 2)) - 2.0 * (total - sums.x_across) / ((n - 1) * m)
    less_y = (y - 2.0 * sums.y) / ((m - 1) * (m - 2)) - 2.0 * (total - sums.y_across) / (n * (m - 1))
    return Estimate(value, (_jackknifed(less_x) + _jackknifed(less_y)) ** 0.5)


def _of_pairs(sums: _RowSums) -> Estimate:
    n = len(sums.x)
    each = sums.x + sums.y - (sums.x_across - sums.facing) - (sums.y_across - sums.facing)
    total = float(each.sum())
    value = total / (n * (n - 1))
    return Estimate(value, None if n < 3 else _jackknifed((total - 2.0 * each) / ((n - 1) * (n - 2))) ** 0.5)


def _jackknifed(less_one: Tensor) -> float:
    """Return the variance of a statistic from its values without one of the images each."""
    return float((less_one - less_one.mean()).square().sum()) * (len(less_one) - 1) / len(less_one)
