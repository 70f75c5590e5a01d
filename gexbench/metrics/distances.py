"""Euclidean distances among many features, a block at a time, with a rule for when two of them are equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gexbench.core.features import Features

BLOCK = 1024
_SAME = 1e-12


class Block(NamedTuple):
    """Some rows of a cloud: where they stand, the rows (n,D) and their squared lengths (n,), float64."""

    where: slice
    rows: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class Cloud:
    """Features seen from `origin` (D,) float64, a point amid them: a distance loses the digits that the lengths take.

    Clouds that are compared have one origin; `clouds` gives them one.
    """

    features: Features
    origin: Tensor

    def __len__(self) -> int:
        return self.features.shape[0]

    def blocks(self, start: int = 0) -> Iterator[Block]:
        """Yield the rows from `start` on, BLOCK at a time."""
        for first in range(start, len(self), BLOCK):
            where = slice(first, min(first + BLOCK, len(self)))
            rows = self.features.rows(where).double() - self.origin
            yield Block(where, rows, rows.square().sum(dim=1))


class Nearest(NamedTuple):
    """For each row of a cloud, (N,) float64: a squared distance, and how far another may lie from it and be equal."""

    squared: Tensor
    slack: Tensor


def clouds(images: Features, reference: Features) -> tuple[Cloud, Cloud]:
    """Return both sets around the mean of the reference's first rows."""
    origin = reference.rows(slice(0, BLOCK)).double().mean(dim=0)
    return Cloud(images, origin), Cloud(reference, origin)


def squared(a: Block, b: Block) -> Tensor:
    """Return the squared distances (n,m) between the rows of two blocks, off by rounding as `slack` allows."""
    products = a.rows @ b.rows.T
    return products.mul_(-2.0).add_(a.lengths[:, None]).add_(b.lengths)


def neighbour(cloud: Cloud, k: int) -> Nearest:
    """Return how far the k-th nearest other row lies from each row, squared; raises ValueError below k+1 rows.

    Work is half of all pairs, memory a few blocks and (N,k).
    """
    if len(cloud) <= k:
        raise ValueError(f"a set has {len(cloud)} images; a {k}-th nearest neighbour needs {k + 1} or more")
    best = torch.full((len(cloud), k), torch.inf, dtype=torch.float64)
    lengths = torch.empty(len(cloud), dtype=torch.float64)
    for here in cloud.blocks():
        lengths[here.where] = here.lengths
        _keep(best, here.where, squared(here, here).fill_diagonal_(torch.inf))
        for there in cloud.blocks(start=here.where.stop):
            distances = squared(here, there)
            _keep(best, here.where, distances)
            _keep(best, there.where, distances.T)
    farthest = best.amax(dim=1)
    return Nearest(farthest, slack(lengths, farthest))


def slack(lengths: Tensor, distances: Tensor) -> Tensor:
    """Return the difference below which two squared distances from a row count as equal.

    That is a millionth of the row's distance from the origin, squared: above rounding in float64, where equal pixels
    may give distances that differ in the last digits, and below what float32 features mean.
    """
    return _SAME * (lengths + distances)


def _keep(best: Tensor, where: slice, distances: Tensor) -> None:
    k = best.shape[1]
    nearest = distances.topk(min(k, distances.shape[1]), dim=1, largest=False, sorted=False).values
    best[where] = torch.cat([best[where], nearest], dim=1).topk(k, dim=1, largest=False, sorted=False).values
