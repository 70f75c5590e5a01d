"""The squared maximum mean discrepancy with a cubic kernel, as a mean over subsets: KID of other protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.core.features import Features
from gexbench.metrics.sets import check_sizes
from gexbench.metrics.settings import read

_BLOCK = 2048


@dataclass(frozen=True)
class Recipe:
    """How many subsets of how many images are drawn from each set, without replacement within one, and by what seed."""

    subsets: int = field(default=100, metadata={"least": 1})
    subset_size: int = field(default=1000, metadata={"least": 2})
    seed: int = field(default=0, metadata={"least": 0})


class Kid:
    """Kernel distance of two sets by subsets; `Kid(settings, assets)`, settings as in `Recipe`.

    Which rows make a subset hangs on their order, so that one changed image may draw others; `mmd.Mmd` takes them all.
    """

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = read(Recipe, settings)

    def measure(self, images: Features, reference: Features) -> float:
        """Return the mean over subsets, unbiased and so below 0 at times; raises ValueError below one subset a side."""
        check_sizes(images, reference, least=2)
        generator = torch.Generator().manual_seed(self._recipe.seed)
        return mean_mmd2(images, reference, self._draw(images, generator), self._draw(reference, generator))

    def _draw(self, features: Features, generator: torch.Generator) -> Tensor:
        count, size = features.shape[0], self._recipe.subset_size
        if count < size:
            raise ValueError(f"this metric draws subsets of {size} images and a set has {count}; kid takes any number")
        return torch.stack([torch.randperm(count, generator=generator)[:size] for _ in range(self._recipe.subsets)])


def mmd2(x: Tensor, y: Tensor) -> float:
    """Return the unbiased squared maximum mean discrepancy of rows (n,D) and (m,D), n and m at least 2, in float64.

    The kernel is (x.y / D + 1)^3. Source: Gretton, Borgwardt, Rasch, Schoelkopf and Smola 2012, eq. 3; the kernel:
    Binkowski, Sutherland, Arbel and Gretton 2018, section 4.
    """
    x, y = x.double(), y.double()
    within = sum(float(cubic(rows, rows).fill_diagonal_(0.0).sum()) / (len(rows) * (len(rows) - 1)) for rows in (x, y))
    return within - 2.0 * float(cubic(x, y).mean())


def mean_mmd2(images: Features, reference: Features, first: Tensor, second: Tensor) -> float:
    """Return the mean of `mmd2` over pairs of subsets.

    first, second: (S,s) int64, the rows of `images` and of `reference` in each subset; no row twice in one subset.
    Subsets of small sets overlap so much that the kernel of the whole sets is less work than theirs; it is never held
    at once.
    """
    n, m = images.shape[0], reference.shape[0]
    if n * n / 2 + m * m / 2 + n * m < 3 * first.numel() * first.shape[1]:
        return _by_sums(images, reference, first, second)
    pairs = zip(first, second, strict=True)
    values = [mmd2(images.rows(a), reference.rows(b)) for a, b in pairs]
    return sum(values) / len(values)


def _by_sums(images: Features, reference: Features, first: Tensor, second: Tensor) -> float:
    in_images, in_reference = _members(first, images.shape[0]), _members(second, reference.shape[0])
    size = first.shape[1]
    within = _sums_within(images, in_images) + _sums_within(reference, in_reference)
    across = _sums_across(images, reference, in_images, in_reference)
    return float((within / (size * (size - 1)) - 2.0 * across / size**2).mean())


def _members(subsets: Tensor, count: int) -> Tensor:
    """Return (count,S) float64, 1 where a row stands in a subset."""
    member = torch.zeros(count, len(subsets), dtype=torch.float64)
    return member.scatter_(0, subsets.T, 1.0)


def _sums_within(features: Features, member: Tensor) -> Tensor:
    """Return (S,): the kernel summed over all ordered pairs of two different rows of each subset."""
    total = torch.zeros(member.shape[1], dtype=torch.float64)
    for here, x in blocks(features):
        total += _weighed(cubic(x, x).fill_diagonal_(0.0), member[here], member[here])
        for there, y in blocks(features, start=here.stop):
            total += 2.0 * _weighed(cubic(x, y), member[here], member[there])
    return total


def _sums_across(a: Features, b: Features, in_a: Tensor, in_b: Tensor) -> Tensor:
    total = torch.zeros(in_a.shape[1], dtype=torch.float64)
    for here, x in blocks(a):
        for there, y in blocks(b):
            total += _weighed(cubic(x, y), in_a[here], in_b[there])
    return total


def _weighed(kernel: Tensor, left: Tensor, right: Tensor) -> Tensor:
    return (left * (kernel @ right)).sum(dim=0)


def blocks(features: Features, start: int = 0) -> Iterator[tuple[slice, Tensor]]:
    """Yield the rows from `start` on, some thousand at a time: where they stand, and they in float64."""
    for first in range(start, features.shape[0], _BLOCK):
        where = slice(first, first + _BLOCK)
        yield where, features.rows(where).double()


def cubic(x: Tensor, y: Tensor) -> Tensor:
    """Return the kernel (x.y / D + 1)^3 of rows (n,D) and (m,D), (n,m)."""
    base = (x @ y.T).div_(x.shape[1]).add_(1.0)
    return base.square().mul_(base)
