"""Distances between images pixel by pixel and window by window: PSNR and SSIM."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.core.images import luma_bt601
from gexbench.core.metric import Evidence
from gexbench.errors import CardError, nearest

_RADIUS = 5
_HALO = 2 * _RADIUS
_SIGMA = 1.5
_BLOCK = 8
_TILE = 256
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
        return mean(self.values(evidence))

    def values(self, evidence: Evidence) -> Iterator[float]:
        """Yield the value of each pair."""
        return each(evidence, self._recipe, psnr)


class Ssim:
    """Structural similarity, mean over images; `Ssim(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = Recipe.of(settings)

    def measure(self, evidence: Evidence) -> float:
        """Return the mean SSIM in [-1,1]; raises ValueError as `pairs` and `ssim`."""
        return mean(self.values(evidence))

    def values(self, evidence: Evidence) -> Iterator[float]:
        """Yield the value of each pair."""
        return each(evidence, self._recipe, ssim)


def each(evidence: Evidence, recipe: Recipe, distance: Callable[[Tensor, Tensor], float]) -> Iterator[float]:
    """Yield `distance` of each pair of images in float64; raises ValueError as `pairs`."""
    for a, b in pairs(evidence.images, evidence.reference):
        yield distance(recipe.apply(a), recipe.apply(b))


def mean(values: Iterable[float]) -> float:
    """Return the mean of one number or more."""
    kept = list(values)
    return math.fsum(kept) / len(kept)


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
            told = f"image {index} is {_size(a)} and its reference {_size(b)}; both must be one 3xHxW"
            raise ValueError(f"{told}: crop both alike, as to a multiple of the scale")
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
    error = number(float((a.double() - b.double()).square_().mean()))
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
    if a.ndim != 3 or min(a.shape[-2:]) <= _HALO:
        raise ValueError(f"SSIM needs CxHxW with sides of {_HALO + 1} pixels or more, got {_size(a)}")
    sums = _window_sums(a.detach(), b.detach(), data_range)
    means = sums / math.prod(side - _HALO for side in a.shape[-2:])
    return means[:, 0], means[:, 1]


def _window_sums(a: Tensor, b: Tensor, data_range: float) -> Tensor:
    """Return the sums over windows of both parts, (C,2).

    Planes are taken in tiles that share one workspace: it stays in a core's cache, and memory is bounded whatever the
    size of the image. Small planes share a tile.
    """
    windows = [side - _HALO for side in a.shape[-2:]]
    rows, columns = (math.ceil(side / math.ceil(side / _TILE)) for side in windows)
    planes = min(max(_TILE**2 // (rows * columns), 1), a.shape[0])
    blur = _Windows(planes, rows, columns)
    sums = torch.zeros((a.shape[0], 2), dtype=torch.float64)
    starts = (range(0, a.shape[0], planes), range(0, windows[0], rows), range(0, windows[1], columns))
    for plane, top, left in itertools.product(*starts):
        tile = slice(plane, plane + planes), slice(top, top + rows + _HALO), slice(left, left + columns + _HALO)
        sums[tile[0]] += _tile_sums(blur.moments(a[tile], b[tile]), data_range)
    return sums


def _tile_sums(moments: Sequence[Tensor], data_range: float) -> Tensor:
    """Return the sums of both parts, (C,2), from `_Windows.moments`, which are overwritten."""
    luma, contrast = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_a, mean_b, covariance, variances = moments
    product = mean_a * mean_b
    squares = mean_a.square_().addcmul_(mean_b, mean_b)
    covariance.sub_(product).add_(contrast / 2.0)
    structure = covariance.div_(variances.sub_(squares).add_(contrast))
    full = product.add_(luma / 2.0).div_(squares.add_(luma)).mul_(structure)
    # Both fractions above are halves of those in the paper.
    return torch.stack([4.0 * full.sum(dim=(0, 2)), 2.0 * structure.sum(dim=(0, 2))], dim=1)


class _Windows:
    """Weighted means over the windows of a tile of at most (planes, rows + 10, columns + 10) pixels.

    Each pass multiplies blocks of 18 lines by a banded 8x18 matrix: more products than shifted sums, but
    quicker. All planes of all maps lie below each other as one tall image; windows across two planes are cut off.
    Source of the window: Wang, Bovik, Sheikh, Simoncelli 2004, section III.C.
    """

    def __init__(self, planes: int, rows: int, columns: int) -> None:
        pitch, wide = (math.ceil(side / _BLOCK) for side in (rows + _HALO, columns))
        tall = 4 * planes * pitch
        self._band = _band()
        self._lines = torch.zeros((tall * _BLOCK + _HALO, wide * _BLOCK + _HALO), dtype=torch.float64)
        self._maps = self._lines[:-_HALO].view(4, planes, pitch * _BLOCK, -1)
        self._down = torch.empty((tall, _BLOCK, self._lines.shape[1]), dtype=torch.float64)
        self._across = torch.empty((wide, _BLOCK, tall * _BLOCK), dtype=torch.float64)

    def moments(self, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        """Return the means of a, b, ab and a^2 + b^2, each (columns,planes,rows) float64 and good until the next call.

        a, b: (planes,rows+10,columns+10), any type and device.
        """
        planes, height, width = a.shape
        x, y, product, squares = self._maps[:, :planes, :height, :width].unbind()
        x.copy_(a)
        y.copy_(b)
        torch.mul(x, y, out=product)
        torch.mul(x, x, out=squares).addcmul_(y, y)
        maps = self._blur().view(-1, *self._maps.shape[:3])
        return maps[: width - _HALO, :, :planes, : height - _HALO].unbind(1)

    def _blur(self) -> Tensor:
        blocks = self._lines.unfold(0, _BLOCK + _HALO, _BLOCK).transpose(1, 2)
        torch.bmm(self._band.expand(len(blocks), -1, -1), blocks, out=self._down)
        blocks = self._down.flatten(0, 1).unfold(1, _BLOCK + _HALO, _BLOCK).permute(1, 2, 0)
        return torch.bmm(self._band.expand(len(blocks), -1, -1), blocks, out=self._across)


def _band() -> Tensor:
    """Return the (8,18) matrix whose row k holds the window's weights from column k on."""
    bell = [math.exp(-0.5 * (tap / _SIGMA) ** 2) for tap in range(-_RADIUS, _RADIUS + 1)]
    weights = torch.tensor([height / math.fsum(bell) for height in bell], dtype=torch.float64)
    band = torch.zeros((_BLOCK, _BLOCK + _HALO), dtype=torch.float64)
    for line in range(_BLOCK):
        band[line, line : line + len(weights)] = weights
    return band


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
