"""Which kind a figure is of, read from its pixels: its parts are measured, it is drawn anew from them and compared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gexbench.datasets import figures
from gexbench.datasets.figures import COLOURS, INKS, KINDS, RADIUS, SHAPES, SPREAD, STRAY, Plane
from gexbench.errors import CardError

NONE = -1
_UNEXPLAINED, _AMBIGUOUS = 0.12, 0.5
"""How much of the squared contrast a figure drawn anew may leave over, and how much of what the next shape leaves."""
_TINT, _DARK, _INK, _OFF, _SIZE = 0.06, 0.72, 0.12, 0.03, 0.1
"""How far a ground may be from grey, how dark, an ink from its own, a centre beyond the stray, a radius in shares."""
_FAINT, _LEAST = 0.1, 16


class FigureKinds:
    """The kind of figure that an image is, as 16 numbers: 1 at its kind, 0 elsewhere, and all 0 for no clean figure.

    `FigureKinds(settings, assets)`; raises CardError for any setting.
    """

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        for key in settings:
            raise CardError(f"settings.{key} is not a setting of FigureKinds", "it has none")

    def to(self, device: str) -> FigureKinds:
        """Return itself: it works on the CPU."""
        return self

    def prepare(self, image: Tensor) -> Tensor:
        """Return the 16 numbers of (3,H,W) uint8."""
        return (torch.arange(KINDS) == kinds(image[None])).float()

    def features(self, batch: Tensor) -> Tensor:
        """Return the rows (N,16) as they were prepared."""
        return batch


def kinds(images: Tensor) -> Tensor:
    """Return the kinds (N,) int64 of images (N,3,H,W) uint8: 0 to 15, NONE where there is no clean figure.

    Clean is a square image with a plain light grey ground and one figure, whose ink, place and size are those of a
    kind; drawn anew it explains 88 % of the squared contrast or more, and twice as well as with another shape.
    """
    side = images.shape[-1]
    if images.shape[-2] != side or side < _LEAST:
        return torch.full((len(images),), NONE)
    pixels = images.permute(0, 2, 3, 1).numpy().astype(np.float32) / np.float32(255.0)
    ground, plain = _ground(pixels)
    found = _found(pixels, ground)
    left = np.stack([_left_over(shape, found, pixels, ground) for shape in range(SHAPES)])
    shape, (best, second) = left.argmin(axis=0), np.sort(left, axis=0)[:2]
    colour, off_ink = _nearest(found.ink, INKS)
    off_middle = np.abs(found.centre - np.float32(0.5)).max(axis=1)
    fits = (best < _UNEXPLAINED) & (best < _AMBIGUOUS * second)
    clean = plain & fits & (off_ink < _INK) & (off_middle < STRAY + _OFF)
    return torch.from_numpy(np.where(clean, shape * COLOURS + colour, NONE).astype(np.int64))


class _Found(NamedTuple):
    """What stands on a ground: ink (N,3), centre (N,2) and area (N,) in sides of the image, contrast (N,side,1)."""

    ink: Plane
    centre: Plane
    area: Plane
    contrast: Plane


def _ground(pixels: Plane) -> tuple[Plane, NDArray[np.bool_]]:
    """Return the ground (N,side,1,3), even from top to bottom, and whether it is plain (N,).

    A figure covers less than half of the strips it is measured in.
    """
    count, side = pixels.shape[:2]
    strip = max(1, side // 16)
    strips = (pixels[:, :strip], pixels[:, side - strip :])
    top, bottom = (np.median(part.reshape(count, -1, 3), axis=1) for part in strips)
    middles = figures.middles(side)
    first, last = middles[:strip].mean(), middles[side - strip :].mean()
    down = ((middles - first) / (last - first))[None, :, None, None]
    ends = np.stack([top, bottom], axis=1)
    plain = (np.ptp(ends, axis=2) < _TINT).all(axis=1) & (ends > _DARK).all(axis=(1, 2))
    return top[:, None, None] * (1.0 - down) + bottom[:, None, None] * down, plain


def _found(pixels: Plane, ground: Plane) -> _Found:
    side = pixels.shape[1]
    distance = np.sqrt(np.square(pixels - ground).sum(axis=3))
    far = np.quantile(distance, 0.97, axis=(1, 2))[:, None, None]  # the least figure covers 12 % of the image
    rough = _mean(pixels, distance > 0.5 * far)
    ink = _mean(pixels, _inked(pixels, ground, rough)[0] > 0.9)
    inked, contrast = _inked(pixels, ground, ink)
    inked = np.where(inked < _FAINT, np.float32(0.0), inked)  # else the grain of the whole ground would count
    total, middles = np.maximum(inked.sum(axis=(1, 2)), np.float32(1e-6)), figures.middles(side)
    centre = np.stack([inked.sum(axis=1) @ middles, inked.sum(axis=2) @ middles], axis=1) / total[:, None]
    return _Found(ink, centre, total / np.float32(side * side), contrast)


def _mean(pixels: Plane, where: NDArray[np.bool_]) -> Plane:
    """Return the mean colour (N,3) of the pixels that are marked, 0 where none is."""
    total: Plane = (pixels * where[..., None]).sum(axis=(1, 2)) / np.maximum(where.sum(axis=(1, 2)), 1)[:, None]
    return total.astype(np.float32)


def _inked(pixels: Plane, ground: Plane, ink: Plane) -> tuple[Plane, Plane]:
    """Return how far pixels lie on the way from ground to ink (N,side,side), and its squared length (N,side,1)."""
    way = ink[:, None, None] - ground
    contrast = np.maximum(np.square(way).sum(axis=3), np.float32(1e-6))
    return ((pixels - ground) * way).sum(axis=3) / contrast, contrast


def _left_over(shape: int, found: _Found, pixels: Plane, ground: Plane) -> Plane:
    """Return the share of the squared contrast (N,) that a shape of the area found does not explain.

    It is infinite where its radius is none of a figure's.
    """
    radius = np.sqrt(found.area / _area(shape))
    x, y, size = (each[:, None, None] for each in (*found.centre.T, radius))
    inked = figures.coverage(shape, x, y, size, pixels.shape[1])
    drawn = ground + inked[..., None] * (found.ink[:, None, None] - ground)
    share = np.square(pixels - drawn).sum(axis=(1, 2, 3)) / np.maximum((inked * found.contrast).sum(axis=(1, 2)), 1e-6)
    fits = np.abs(radius / RADIUS - 1.0) < SPREAD + _SIZE
    left: Plane = np.where(fits, share, np.inf)
    return left


@cache
def _area(shape: int) -> float:
    """Return the area of a shape of radius one."""
    return float(figures.coverage(shape, 0.5, 0.5, 0.25, 512).mean(dtype=np.float64)) * 16.0


def _nearest(points: Plane, known: Plane) -> tuple[NDArray[np.int64], Plane]:
    """Return for each point the number of the nearest known one, and the largest difference in a coordinate."""
    off = np.abs(points[:, None] - known[None]).max(axis=2)
    return off.argmin(axis=1), off.min(axis=1)
