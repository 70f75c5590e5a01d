"""What drawn images are of, where every kind is known: how many are of a kind at all, and how many kinds there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.core.features import CHUNK, Features
from gexbench.metrics.settings import read

PARTS = ("clean", "covered")


@dataclass(frozen=True)
class Recipe:
    """Which share is measured."""

    part: str = field(default="clean", metadata={"choices": PARTS})


class Kinds:
    """One share of a set alone, whose features are 1 at an image's kind; `Kinds(settings, assets)`, as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = read(Recipe, settings)

    def measure(self, images: Features) -> float:
        """Return the share that `Recipe.part` names; raises ValueError as the function of its name."""
        return {"clean": clean, "covered": covered}[self._recipe.part](images)


def clean(images: Features) -> float:
    """Return the share of images that are of a kind, in [0,1].

    Source: the high-quality samples of Azadi, Olsson, Darrell, Goodfellow and Odena 2019.
    """
    return float(_counts(images).sum()) / images.shape[0]


def covered(images: Features) -> float:
    """Return the share of kinds of which there is an image, in [0,1]; raises ValueError for fewer images than kinds.

    Source: Metz, Poole, Pfau and Sohl-Dickstein 2017, section 3.3.1, where it is a number of modes.
    """
    count, known = images.shape
    if count < known:
        raise ValueError(f"{count} images cannot be of {known} kinds; this metric needs {known} or more")
    return float((_counts(images) > 0.0).double().mean())


def _counts(images: Features) -> Tensor:
    """Return how many images are of each kind, (kinds,) float64."""
    count, known = images.shape
    parts = (images.rows(slice(first, first + CHUNK)) for first in range(0, count, CHUNK))
    return sum((part.double().sum(dim=0) for part in parts), torch.zeros(known, dtype=torch.float64))
