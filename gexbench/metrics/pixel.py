"""Distances between images pixel by pixel and window by window: PSNR and SSIM."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.core.images import luma_bt601
from gexbench.core.metric import Evidence
from gexbench.errors import CardError, nearest

_RADIUS = 5
_SIGMA = 1.5
_STRIP = 1 << 16
_SPACES = ("rgb", "luma-bt601")


@dataclass(frozen=True)
class Recipe:
    """What is done to both images before they are compared.

    space: "rgb", or "luma-bt601" for the Y of `core.images.luma_bt601`. crop: pixels cut from each border.
    """

    space: str = "rgb"
    crop: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Recipe:
        """Read a metric card's settings; raises CardError on an unknown key, space, or a crop below 0."""
        for key in settings:
            if key not in ("space", "crop"):
                raise CardError(f"settings.{key} is not a setting of this metric", nearest(key, ("space", "crop")))
        recipe = cls(**settings)
        if recipe.space not in _SPACES:
            raise CardError(f"settings.space = {recipe.space!r} is refused", nearest(recipe.space, _SPACES))
        if not isinstance(recipe.crop, int) or recipe.crop < 0:
            raise CardError(f"settings.crop = {recipe.crop!r} is refused", "crop is a number of pixels, 0 or more")
        return recipe

    def apply(self, image: Tensor) -> Tensor:
        """Return (3,H,W) in [0,1] as float64 (C,H-2*crop,W-2*crop) on the CPU; raises ValueError if nothing is left."""
        height, width = (side - self.crop for side in image.shape[-2:])
        if min(height, width) <= self.crop:
            raise ValueError(f"nothing is left of {_size(image)} after a crop of {self.crop} pixels at each border")
        inner = image[..., self.crop : height, self.crop : width].to("cpu", torch.float64)
        return luma_bt601(inner) if self.space == "luma-bt601" else inner


class Psnr:
    """Peak signal-to-noise ratio in dB, mean over images; `Psnr(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = Recipe.of(settings)

    def measure(self, evidence: Evidence) -> float:
        """Return the mean PSNR in dB, inf where any pair is identical; raises ValueError as `pairs`."""
        return mean_over(evidence, self._recipe, psnr)


class Ssim:
    """Structural similarity, mean over images; `Ssim(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = Recipe.of(settings)

    def measure(self, evidence: Evidence) -> float:
        """Return the mean SSIM in [-1,1]; raises ValueError as `pairs` and `ssim`."""
        return mean_over(evidence, self._recipe, ssim)


def mean_over(evidence: Evidence, recipe: Recipe, distance: Callable[[Tensor, Tensor], float]) -> float:
    """Return the mean of `distance` over all pairs of images in float64; raises ValueError as `pairs`."""
    values = [distance(recipe.apply(a), recipe.apply(b)) for a, b in pairs(evidence.images, evidence.reference)]
    return math.fsum(values) / len(values)


def pairs(images: Sequence[Tensor], reference: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images beside what they are compared with.

    Each (3,H,W). Raises ValueError when there is none, when the counts or the sizes of two images differ (naming both),
    and when a pixel is NaN or infinite.
    """
    if len(images) != len(reference) or not len(images):
        raise ValueError(f"cannot compare {len(images)} images with {len(reference)} references one by one")
    for index in range(len(images)):
        a, b = images[index], reference[index]
        if a.ndim != 3 or a.shape[0] != 3 or a.shape != b.shape:
            raise ValueError(f"image {index} is {_size(a)} and its reference {_size(b)}; both must be one 3xHxW")
        for which, image in (("image", a), ("reference of image", b)):
            if not math.isfinite(float(image.sum())):
                raise ValueError(f"{which} {index} holds NaN or infinite pixels; no distance is defined")
        yield a, b


def psnr(a: Tensor, b: Tensor, data_range: float = 1.0) -> float:
    """Return 10 log10(data_range^2 / mean squared difference) in dB; inf for identical images.

    a, b: any equal shape, all values as one; computed in float64. Raises ValueError when the sizes
    differ or a value is NaN.
    """
    _same_size(a, b)
    error = number(float((a.double() - b.double()).square().mean()))
    return 10.0 * math.log10(data_range**2 / error) if error else math.inf


def ssim(a: Tensor, b: Tensor, data_range: float = 1.0) -> float:
    """Return the structural similarity, mean over all windows and channels, in [-1,1].

    a, b: (C,H,W) with values in a range of width `data_range`; computed in float64. Gaussian window of 11x11 and sigma
    1.5, K1 = 0.01, K2 = 0.03, population covariance, windows wholly inside the image. Raises ValueError when sizes
    differ, a side is below 11, or a value is NaN. Source: Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13.
    """
    return number(float(ssim_parts(a, b, data_range)[0].mean()))


def ssim_parts(a: Tensor, b: Tensor, data_range: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return the means over windows of SSIM and of its contrast-structure part, each (C,) float64.

    Arguments, errors and source as in `ssim`.
    """
    _same_size(a, b)
    if a.ndim != 3 or min(a.shape[-2:]) <= 2 * _RADIUS:
        raise ValueError(f"SSIM needs CxHxW with sides of {2 * _RADIUS + 1} pixels or more, got {_size(a)}")
    height, width = (side - 2 * _RADIUS for side in a.shape[-2:])
    means = _window_sums(a, b, data_range) / (height * width)
    return means[:, 0], means[:, 1]


def _window_sums(a: Tensor, b: Tensor, data_range: float) -> Tensor:
    """Return the sums over windows of both parts, (C,2).

    Planes are taken in strips that stay in a core's cache, and all strips share one workspace: on large images that is
    twice as fast, and fresh memory for every strip would cost as much again.
    """
    overlap = 2 * _RADIUS
    rows = min(max(_STRIP // a.shape[-1], 2 * overlap), a.shape[-2])
    space = torch.empty((3, 4, rows, a.shape[-1]), dtype=torch.float64)
    sums = torch.zeros((a.shape[0], 2), dtype=torch.float64)
    for plane, total in enumerate(sums):
        for top in range(0, a.shape[-2] - overlap, rows - overlap):
            x, y = (image[plane, top : top + rows].to("cpu", torch.float64) for image in (a, b))
            total += _strip_sums(x, y, data_range, space[:, :, : x.shape[0]])
    return sums


def _strip_sums(a: Tensor, b: Tensor, data_range: float, space: Tensor) -> Tensor:
    # Sum and difference give all SSIM needs with four maps to blur instead of five: 4ab = (a+b)^2 - (a-b)^2.
    maps = space[0]
    torch.add(a, b, out=maps[0])
    torch.sub(a, b, out=maps[1])
    torch.mul(maps[:2], maps[:2], out=maps[2:])
    blurred = _blur(space)
    mean = blurred[:2] * blurred[:2]
    variance = blurred[2:].sub_(mean)
    luma, contrast = 2.0 * (0.01 * data_range) ** 2, 2.0 * (0.03 * data_range) ** 2
    structure = torch.sub(*variance).add_(contrast).div_(torch.add(*variance).add_(contrast))
    total = torch.sub(*mean).add_(luma).div_(torch.add(*mean).add_(luma)).mul_(structure)
    return torch.stack([total.sum(), structure.sum()])


def _blur(space: Tensor) -> Tensor:
    bell = [math.exp(-0.5 * (tap / _SIGMA) ** 2) for tap in range(-_RADIUS, _RADIUS + 1)]
    weights = [height / math.fsum(bell) for height in bell]
    maps, tall, wide = space
    rows, columns = (side - 2 * _RADIUS for side in maps.shape[-2:])
    _filter(maps, weights, -2, tall[:, :rows])
    blurred: Tensor = wide[:, :rows, :columns]
    _filter(tall[:, :rows], weights, -1, blurred)
    return blurred


def _filter(x: Tensor, weights: Sequence[float], dim: int, out: Tensor) -> None:
    # Shifted sums: on one core, ten times faster than a depthwise conv2d.
    torch.mul(x.narrow(dim, 0, out.shape[dim]), weights[0], out=out)
    for tap, weight in enumerate(weights[1:], start=1):
        out.add_(x.narrow(dim, tap, out.shape[dim]), alpha=weight)


def number(value: float) -> float:
    """Return the value; raises ValueError when it is NaN or infinite, which only such pixels give."""
    if not math.isfinite(value):
        raise ValueError("an image holds NaN or infinite pixels; no distance is defined")
    return value


def _same_size(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(f"cannot compare {_size(a)} with {_size(b)}")


def _size(x: Tensor) -> str:
    return "x".join(str(side) for side in x.shape)
