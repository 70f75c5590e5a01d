"""Can a nearest neighbour tell two sets of features apart: leave-one-out accuracy, 0.5 where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.core.features import Features
from gexbench.metrics.distances import Cloud, Nearest, clouds, neighbour, squared
from gexbench.metrics.sets import check_sizes, equal_sizes
from gexbench.metrics.settings import read


@dataclass(frozen=True)
class Recipe:
    """The seed that draws as many rows from the larger set as the smaller one has."""

    seed: int = field(default=0, metadata={"least": 0})


class NearestNeighbour:
    """Accuracy of telling two sets apart; `NearestNeighbour(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = read(Recipe, settings)

    def measure(self, images: Features, reference: Features) -> float:
        """Return `accuracy` at equal sizes; raises ValueError as it does."""
        check_sizes(images, reference, least=2)
        return accuracy(*equal_sizes(images, reference, self._recipe.seed))


def accuracy(images: Features, reference: Features) -> float:
    """Return the share of rows whose nearest other row is of their own set, in [0,1].

    1 tells the sets apart, 0.5 is chance, and 0 is a set that copies the other row by row. Where the nearest rows of
    both sets are equally far, equal images among them, the row counts one half: the answer never depends on an order.
    Raises ValueError below two rows a side, or when the sizes differ. Source: Lopez-Paz and Oquab 2017, section 3; Xu,
    Huang, Yuan, Guo, Sun, Wu and Weinberger 2018, section 2.
    """
    check_sizes(images, reference, least=2)
    if images.shape[0] != reference.shape[0]:
        raise ValueError(f"cannot weigh {images.shape[0]} images against {reference.shape[0]}; sizes must be equal")
    both = clouds(images, reference)
    votes = [_votes(neighbour(own, 1), other) for own, other in zip(both, _across(*both), strict=True)]
    return float(torch.cat(votes).mean())


def _votes(own: Nearest, other: Tensor) -> Tensor:
    """Return (N,): 1 where the own set is nearer, 0 where the other is, 0.5 where neither."""
    gap = other - own.squared
    return torch.where(gap.abs() <= own.slack, 0.5, (gap > 0.0).double())


def _across(a: Cloud, b: Cloud) -> tuple[Tensor, Tensor]:
    """Return the squared distance of each row to the nearest row of the other cloud, for both clouds."""
    from_a, from_b = (torch.full((len(cloud),), torch.inf, dtype=torch.float64) for cloud in (a, b))
    for here in a.blocks():
        for there in b.blocks():
            distances = squared(here, there)
            from_a[here.where] = torch.minimum(from_a[here.where], distances.amin(dim=1))
            from_b[there.where] = torch.minimum(from_b[there.where], distances.amin(dim=0))
    return from_a, from_b
