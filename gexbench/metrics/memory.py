"""Does a surrogate return queried images: are these nearer to what it draws than others of the same service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.core.features import Features
from gexbench.metrics.distances import Cloud, clouds, slack, squared
from gexbench.metrics.settings import read


@dataclass(frozen=True)
class Recipe:
    """How many images there must be in each set: with few, one that stands alone draws many neighbours."""

    least: int = field(default=100, metadata={"least": 1})


class Memorisation:
    """Share of images next to a queried one; `Memorisation(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = read(Recipe, settings)

    def measure(self, images: Features, queried: Features, others: Features) -> float:
        """Return `memorised`; raises ValueError as it does, and below `Recipe.least` images in a set."""
        least = self._recipe.least
        for count, who in ((queried.shape[0], "the run queried"), (images.shape[0], "the surrogate drew")):
            if count < least:
                raise ValueError(f"{who} {count} images; this metric needs {least} or more")
        return memorised(images, queried, others)


def memorised(images: Features, queried: Features, others: Features) -> float:
    """Return the share of images whose nearest neighbour among both sets is a queried one, in [0,1].

    0.5 where images depend on the source of both sets alone, 1 where they are copies of queried ones. Equally far is
    one half. Raises ValueError when the two sets differ in size. Source: after Meehan, Chaudhuri and Dasgupta 2020, who
    rank the distances to what was learned from and to held-back data; here the nearer of the two counts.
    """
    sizes = queried.shape[0], others.shape[0]
    if sizes[0] != sizes[1]:
        raise ValueError(f"cannot weigh {sizes[0]} queried images against {sizes[1]} others; sizes must be equal")
    points, cloud = clouds(images, queried)
    to_queried, to_others = _nearest(points, cloud), _nearest(points, Cloud(others, cloud.origin))
    lengths = torch.cat([block.lengths for block in points.blocks()])
    gap = to_others - to_queried
    even = gap.abs() <= slack(lengths, torch.minimum(to_queried, to_others))
    return float(torch.where(even, 0.5, (gap > 0.0).double()).mean())


def _nearest(points: Cloud, others: Cloud) -> Tensor:
    """Return the squared distance (N,) of each point to the nearest of the others."""
    found = torch.full((len(points),), torch.inf, dtype=torch.float64)
    for here in points.blocks():
        for there in others.blocks():
            found[here.where] = torch.minimum(found[here.where], squared(here, there).amin(dim=1))
    return found
