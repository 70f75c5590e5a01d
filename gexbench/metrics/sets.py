"""Two sets of features: what sizes a metric takes, and seeded draws that make the sizes equal."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from gexbench.core.features import CHUNK, Features, Moments


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

    def rows(self, which: Tensor | slice) -> Tensor:
        """Return the rows of the given numbers, or of a slice, counted among the drawn ones."""
        return self._features.rows(self._which[which])


def check_sizes(images: Features, reference: Features, least: int) -> None:
    """Raise ValueError when a side has fewer than `least` images or the two sides' rows differ in length."""
    for side, features in (("image", images), ("reference", reference)):
        if features.shape[0] < least:
            raise ValueError(f"the {side} set has {features.shape[0]}; this metric needs {least} or more in each set")
    if images.shape[1] != reference.shape[1]:
        raise ValueError(f"cannot compare features of {images.shape[1]} numbers with features of {reference.shape[1]}")


def equal_sizes(images: Features, reference: Features, seed: int) -> tuple[Features, Features]:
    """Return both sets at the size of the smaller one; the larger one's rows are drawn by `seed`, order kept."""
    size = min(images.shape[0], reference.shape[0])
    return _at_size(images, size, seed), _at_size(reference, size, seed)


def _at_size(features: Features, size: int, seed: int) -> Features:
    count = features.shape[0]
    if count == size:
        return features
    generator = torch.Generator().manual_seed(seed)
    return Drawn(features, torch.randperm(count, generator=generator)[:size].sort().values)
