"""Two sets of features: what sizes a metric takes, and seeded draws that make the sizes equal."""

from __future__ import annotations

import torch

from gexbench.core.draws import Drawn
from gexbench.core.features import Features


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
