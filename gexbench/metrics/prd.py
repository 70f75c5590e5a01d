"""Precision and recall of two distributions over common clusters of their features (PRD)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor

from gexbench.core.draws import deviation, halves
from gexbench.core.features import Features
from gexbench.core.metric import Estimate
from gexbench.metrics.sets import check_sizes, equal_sizes
from gexbench.metrics.settings import read

_EDGE = 1e-10


@dataclass(frozen=True)
class Recipe:
    """The summary is max F_beta: beta above 1 weighs recall, below 1 precision.

    Run r of `runs` clusters with seed + r; `seed` also draws from the larger set. batch: rows in a step of k-means.
    """

    beta: float = field(default=8.0, metadata={"least": 1e-6})
    clusters: int = field(default=20, metadata={"least": 2})
    angles: int = field(default=1001, metadata={"least": 3})
    runs: int = field(default=10, metadata={"least": 1})
    starts: int = field(default=10, metadata={"least": 1})
    batch: int = field(default=100, metadata={"least": 1})
    seed: int = field(default=0, metadata={"least": 0})


class Curve(NamedTuple):
    """Precision and recall (A,) float64 in [0,1], one pair an angle from 0 to a right angle."""

    precision: Tensor
    recall: Tensor


class Prd:
    """Max F_beta of the PRD curve; `Prd(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = read(Recipe, settings)

    def measure(self, images: Features, reference: Features) -> float:
        """Return max F_beta in [0,1], the larger set cut to the smaller one; raises ValueError as `mean_curve`."""
        return self.estimate(images, reference, None).value

    def estimate(self, images: Features, reference: Features, partner: Tensor | None) -> Estimate:
        """Return max F_beta and its error by half-samples in the clusters of the whole sets.

        Clusters found anew would take ten times as long as all else; what they add to the error is left out.
        """
        check_sizes(images, reference, least=1)
        recipe, sides = self._recipe, equal_sizes(images, reference, self._recipe.seed)
        labels = _labels_once(images, reference, replace(recipe, beta=1.0))
        values = [
            max_f_beta(_mean_curve(labels[0][:, first], labels[1][:, second], recipe), recipe.beta)
            for first, second in halves(sides, partner)
        ]
        return Estimate(max_f_beta(_mean_curve(*labels, recipe), recipe.beta), deviation(values))


@lru_cache(maxsize=8)
def _labels_once(images: Features, reference: Features, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Return the clusters of two sets at one size; kept, since a task asks for two summaries of each."""
    return _labels(*equal_sizes(images, reference, recipe.seed), recipe)


def mean_curve(images: Features, reference: Features, recipe: Recipe) -> Curve:
    """Return the curve of two sets, mean over runs of k-means on both sets together.

    Raises ValueError when both together have fewer images than clusters. Source: Sajjadi, Bachem, Lucic, Bousquet and
    Gelly 2018, section 3.3.
    """
    return _mean_curve(*_labels(images, reference, recipe), recipe)


def _labels(images: Features, reference: Features, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Return the cluster of each row in each run, (runs,n) and (runs,m) int64."""
    count = images.shape[0] + reference.shape[0]
    if count < recipe.clusters:
        raise ValueError(f"{count} images in both sets cannot make {recipe.clusters} clusters")
    pooled = torch.cat([images.rows(slice(None)), reference.rows(slice(None))]).double()
    labels = torch.stack([_clustered(pooled, recipe, run) for run in range(recipe.runs)])
    return labels[:, : images.shape[0]], labels[:, images.shape[0] :]


def _mean_curve(images: Tensor, reference: Tensor, recipe: Recipe) -> Curve:
    curves = [_curve_of(*sides, recipe) for sides in zip(images, reference, strict=True)]
    return Curve(*(torch.stack(parts).mean(dim=0) for parts in zip(*curves, strict=True)))


def curve(images: Tensor, reference: Tensor, angles: int = 1001) -> Curve:
    """Return the curve of two discrete distributions, each (k,) float64 that sums to 1.

    At the slope s, precision is the sum over clusters of min(images, s reference), and recall is that over s. Source:
    Sajjadi et al. 2018, algorithm 1.
    """
    slopes = torch.linspace(_EDGE, math.pi / 2 - _EDGE, angles, dtype=torch.float64).tan()
    precision = torch.minimum(images, slopes[:, None] * reference).sum(dim=1)
    return Curve(precision.clamp_max(1.0), (precision / slopes).clamp_max(1.0))


def max_f_beta(points: Curve, beta: float) -> float:
    """Return the largest (1 + beta^2) p r / (beta^2 p + r) on the curve, in [0,1]; 0 where p and r are 0.

    Source: Sajjadi et al. 2018, section 4.
    """
    weight = beta**2
    both = (1.0 + weight) * points.precision * points.recall
    return float((both / (weight * points.precision + points.recall)).nan_to_num(nan=0.0).max())


def _curve_of(images: Tensor, reference: Tensor, recipe: Recipe) -> Curve:
    shares = [torch.bincount(side, minlength=recipe.clusters).double() / len(side) for side in (images, reference)]
    return curve(shares[0], shares[1], recipe.angles)


def _clustered(pooled: Tensor, recipe: Recipe, run: int) -> Tensor:
    """Return (N,) int64, the cluster of each row."""
    means = MiniBatchKMeans(
        n_clusters=recipe.clusters,
        n_init=recipe.starts,
        batch_size=recipe.batch,
        random_state=recipe.seed + run,
    )
    return torch.from_numpy(means.fit(pooled.numpy()).labels_).long()
