"""What a metric of two sets sees: one row of features an image, and their first two moments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Protocol

import torch
from torch import Tensor

CHUNK = 1024


@dataclass(frozen=True)
class Moments:
    """Mean (D,) and scatter (D,D) of `count` rows, float64; the scatter is the sum of outer products about the mean."""

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Moments:
        """Return the moments of (N,D) rows, N at least 1; computed in float64."""
        x = rows.double()
        mean = x.mean(dim=0)
        centred = x - mean
        return cls(len(x), mean, centred.T @ centred)

    @classmethod
    def of_chunks(cls, chunks: Iterable[Tensor]) -> Moments:
        """Return the moments of rows that come in chunks, each (n,D); only one chunk is in memory at a time."""
        return reduce(cls.merged, map(cls.of, chunks))

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both sets of rows. Source: Chan, Golub and LeVeque 1979, eq. 2.1."""
        count = self.count + other.count
        step = other.mean - self.mean
        scatter = torch.addr(self.scatter + other.scatter, step, step, alpha=self.count * other.count / count)
        return Moments(count, self.mean + step * (other.count / count), scatter)

    def covariance(self) -> Tensor:
        """Return the unbiased covariance (D,D); raises ValueError for fewer than two rows."""
        if self.count < 2:
            raise ValueError(f"a covariance needs two images or more, got {self.count}")
        return self.scatter / (self.count - 1)


class Features(Protocol):
    """Features of a set of images, a row an image, in an order that depends on the images alone, never on their names.

    Rows may lie on disk: ask for few at a time.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """Return how many images there are and how long a row is."""
        ...

    @property
    def moments(self) -> Moments:
        """Return the moments of all rows."""
        ...

    @property
    def lots(self) -> Tensor:
        """Return (N,) int64: the lot by which each image is drawn, which follows from the image and not its place."""
        ...

    def rows(self, which: Tensor | slice) -> Tensor:
        """Return the rows of the given numbers (int64, any order), or of a slice, as (n,D) float32 on the CPU."""
        ...

    def __hash__(self) -> int:
        """Return a hash of the object and not of its rows: metrics may keep by it what they computed."""
        ...


class Rows:
    """Features in memory: (N,D) float32 on the CPU, N at least 1. Raises ValueError for another shape or a NaN."""

    def __init__(self, rows: Tensor) -> None:
        if rows.ndim != 2 or not len(rows):
            raise ValueError(f"features are a row an image, got shape {tuple(rows.shape)}")
        if not bool(torch.isfinite(rows).all()):
            raise ValueError("features hold NaN or infinite values")
        self._rows = rows

    @property
    def shape(self) -> tuple[int, int]:
        """Return how many images there are and how long a row is."""
        count, width = self._rows.shape
        return count, width

    @cached_property
    def moments(self) -> Moments:
        """Return the moments of all rows."""
        return Moments.of_chunks(self._rows.split(CHUNK))

    @property
    def lots(self) -> Tensor:
        """Return the rows' numbers: nothing else is known of their images."""
        return torch.arange(len(self._rows))

    def rows(self, which: Tensor | slice) -> Tensor:
        """Return the rows of the given numbers, or of a slice."""
        return self._rows[which]
