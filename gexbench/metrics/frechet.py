"""The Frechet distance between two sets of features, as Gaussians: FID where the features are Inception's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from scipy.linalg.lapack import dsygst
from torch import Tensor

from gexbench.core.features import Features, Moments
from gexbench.metrics.sets import check_sizes
from gexbench.metrics.settings import read

_FULL_RANK = 1e-12


@dataclass(frozen=True)
class Recipe:
    """The distance has no settings of its own."""


class Frechet:
    """Frechet distance of two sets; `Frechet(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        read(Recipe, settings)

    def measure(self, images: Features, reference: Features) -> float:
        """Return the squared Frechet distance, 0 or more; raises ValueError below two images a side."""
        check_sizes(images, reference, least=2)
        if min(images.shape[0], reference.shape[0]) <= images.shape[1]:
            return frechet_low_rank(images, reference)
        return frechet_distance(images.moments, reference.moments)


class _Gaussian(NamedTuple):
    """Mean (D,) and any factor (r,D) whose factor.T @ factor is the covariance, float64."""

    mean: Tensor
    factor: Tensor


def frechet_distance(a: Moments, b: Moments) -> float:
    """Return |mean a - mean b|^2 + trace(A + B - 2 (A B)^(1/2)) in float64, 0 or more; A and B are the covariances.

    The square root's trace is the sum of the roots of the eigenvalues of L' B L, where A = L L'. Raises ValueError
    below two rows a side. Source: Dowson and Landau 1982; Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter
    2017, eq. 6.
    """
    first, second = a.covariance(), b.covariance()
    lower = _cholesky(first)
    if lower is None or _cholesky(second) is None:
        return _by_factors(_Gaussian(a.mean, _factor(first)), _Gaussian(b.mean, _factor(second)))
    roots = torch.linalg.eigvalsh(_sandwiched(second, lower)).clamp_min_(0.0).sqrt_()
    return _assemble(a.mean - b.mean, torch.trace(first) + torch.trace(second), roots)


def frechet_low_rank(a: Features, b: Features) -> float:
    """Return the same distance from rows, exact where a set has no more images than a row has numbers.

    With A = F' F and B = G' G, the square root's trace is the sum of the singular values of F G': centred rows
    over sqrt(n-1) are such a factor, and no eigenvalue that should be 0 is rooted. Raises ValueError as
    `frechet_distance`. Source: as there; the factors are algebra.
    """
    return _by_factors(_gaussian(a), _gaussian(b))


def _by_factors(a: _Gaussian, b: _Gaussian) -> float:
    variances = a.factor.square().sum() + b.factor.square().sum()
    return _assemble(a.mean - b.mean, variances, torch.linalg.svdvals(a.factor @ b.factor.T))


def _assemble(shift: Tensor, variances: Tensor, roots: Tensor) -> float:
    return max(float(shift.square().sum() + variances - 2.0 * roots.sum()), 0.0)


def _gaussian(features: Features) -> _Gaussian:
    count, width = features.shape
    if count > width:
        moments = features.moments
        return _Gaussian(moments.mean, _factor(moments.covariance()))
    if count < 2:
        raise ValueError(f"a covariance needs two images or more, got {count}")
    rows = features.rows(slice(None)).double()
    mean = rows.mean(dim=0)
    return _Gaussian(mean, (rows - mean) / (count - 1) ** 0.5)


def _factor(covariance: Tensor) -> Tensor:
    lower = _cholesky(covariance)
    if lower is not None:
        return lower.T
    values, vectors = torch.linalg.eigh(covariance)
    # A root would blow rounding up from 1e-16 to 1e-8 in each empty direction, and there may be a thousand.
    real = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    factor: Tensor = values[real].sqrt()[:, None] * vectors[:, real].T
    return factor


def _cholesky(covariance: Tensor) -> Tensor | None:
    """Return the lower factor, or None where a direction holds none but rounding."""
    lower: Tensor
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if int(failed) or bool((lower.diagonal().square() <= _FULL_RANK * covariance.diagonal()).any()):
        return None
    return lower


def _sandwiched(middle: Tensor, lower: Tensor) -> Tensor:
    """Return lower.T @ middle @ lower, its lower triangle alone: LAPACK takes a quarter of the work of two products."""
    product, _ = dsygst(middle.numpy(), lower.numpy(), itype=2, lower=1)
    return torch.from_numpy(product)
