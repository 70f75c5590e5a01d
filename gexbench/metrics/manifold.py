"""How two sets of features cover each other, by balls around rows: precision, recall, density and coverage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.core.features import Features
from gexbench.metrics.distances import Cloud, Nearest, clouds, neighbour, squared
from gexbench.metrics.sets import check_sizes
from gexbench.metrics.settings import read

PARTS = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Recipe:
    """Which share is measured, and which neighbour, the k-th, sets the radius of a row's ball."""

    part: str = field(default="precision", metadata={"choices": PARTS})
    k: int = field(default=3, metadata={"least": 1})


class Manifold:
    """One share of two sets; `Manifold(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = read(Recipe, settings)

    def measure(self, images: Features, reference: Features) -> float:
        """Return the share; raises ValueError as the function of its name, which `Recipe.part` names."""
        shares = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
        return shares[self._recipe.part](images, reference, self._recipe.k)


def precision(images: Features, reference: Features, k: int = 3) -> float:
    """Return the share of images that lie in a reference row's ball, in [0,1].

    A ball reaches to its row's k-th nearest neighbour in its own set, which lies in it. Raises ValueError below k+1
    rows in the set that has the balls. Source: Kynkaanniemi, Karras, Laine, Lehtinen and Aila 2019, eq. 1 and 2.
    """
    points, centres = _two(images, reference)
    found = torch.zeros(len(points), dtype=torch.bool)
    for where, _, inside in _inside(points, centres, _reach(neighbour(centres, k))):
        found[where] |= inside.any(dim=1)
    return float(found.double().mean())


def recall(images: Features, reference: Features, k: int = 3) -> float:
    """Return the share of reference rows that lie in an image's ball: `precision` with the sets exchanged."""
    return precision(reference, images, k)


def density(images: Features, reference: Features, k: int = 5) -> float:
    """Return how many reference balls an image lies in, over k, mean over images: 0 or more, about 1 for equal sets.

    The k-th neighbour itself is outside, as in the authors' code: so a set scores 1 against itself. A ball of radius 0,
    of a row with k equals or more, holds nothing. Raises ValueError below k+1 reference rows, or if all balls are such.
    Source: Naeem, Oh, Uh, Choi and Yoo 2020, section 3.1.
    """
    points, centres = _two(images, reference)
    radii = neighbour(centres, k)
    limits = radii.squared - radii.slack
    if not bool((limits > 0.0).any()):
        raise ValueError(f"each reference image has {k} equals or more; density is not defined")
    total = sum(int(inside.sum()) for _, _, inside in _inside(points, centres, limits))
    return total / (k * len(points))


def coverage(images: Features, reference: Features, k: int = 5) -> float:
    """Return the share of reference rows whose ball holds an image, in [0,1].

    The k-th neighbour lies in the ball: an image equal to it counts. Raises ValueError below k+1 reference rows.
    Source: Naeem, Oh, Uh, Choi and Yoo 2020, section 3.1.
    """
    points, centres = _two(images, reference)
    found = torch.zeros(len(centres), dtype=torch.bool)
    for _, where, inside in _inside(points, centres, _reach(neighbour(centres, k))):
        found[where] |= inside.any(dim=0)
    return float(found.double().mean())


def _two(images: Features, reference: Features) -> tuple[Cloud, Cloud]:
    check_sizes(images, reference, least=1)
    return clouds(images, reference)


def _reach(radii: Nearest) -> Tensor:
    return radii.squared + radii.slack


def _inside(points: Cloud, centres: Cloud, limits: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield, block by block, which points, which centres, and (n,m) whether a point is within the centre's limit."""
    for here in points.blocks():
        for there in centres.blocks():
            yield here.where, there.where, squared(here, there) <= limits[there.where]
