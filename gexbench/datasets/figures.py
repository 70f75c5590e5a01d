"""Figures drawn by code: one coloured shape on a plain ground, so that every kind of image is known and can be counted.

There are 16 kinds, all equally likely: four shapes in four colours. Within a kind, place, size, colour, ground and
grain vary a little.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Where = float | NDArray[np.float32]

SHAPES, COLOURS = 4, 4
KINDS = SHAPES * COLOURS

INKS = np.array([(0.84, 0.24, 0.22), (0.20, 0.58, 0.32), (0.20, 0.36, 0.80), (0.93, 0.72, 0.16)], np.float32)
RADIUS, SPREAD, STRAY = 0.34, 0.15, 0.06
"""A figure's mean radius, the share by which it differs, and how far off the middle it lies; in sides of an image."""
_GRAIN = 0.01


def figure(rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a figure of a kind chosen by chance; returns (side,side,3)."""
    return figure_of(int(rng.integers(KINDS)), rng, side)


def figure_of(kind: int, rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a figure of a kind, 0 to 15; returns (side,side,3)."""
    shape, colour = divmod(kind, COLOURS)
    inked = coverage(shape, *spot(rng), side)[..., None]
    ink = INKS[colour] + rng.uniform(-0.04, 0.04, 3).astype(np.float32)
    down = middles(side)[:, None, None]
    ground = np.float32(rng.uniform(0.82, 0.92)) + np.float32(rng.uniform(-0.05, 0.05)) * down
    pixels = inked * ink + (1.0 - inked) * ground + rng.normal(0.0, _GRAIN, (side, side, 3)).astype(np.float32)
    drawn: NDArray[np.uint8] = np.rint(255.0 * pixels.clip(0.0, 1.0)).astype(np.uint8)
    return drawn


def spot(rng: Generator) -> tuple[float, float, float]:
    """Draw where a figure lies: its centre, x and y, and its radius, in sides of the image."""
    x, y = (0.5 + rng.uniform(-STRAY, STRAY) for _ in range(2))
    return x, y, RADIUS * rng.uniform(1.0 - SPREAD, 1.0 + SPREAD)


def middles(side: int) -> NDArray[np.float32]:
    """Return where the middles of pixels lie along a side, (side,) in (0,1)."""
    return ((np.arange(side) + 0.5) / side).astype(np.float32)


def outside(shape: int, x: Where, y: Where, radius: Where, side: int) -> Plane:
    """Return how far each pixel lies outside a shape, in pixels, negative inside, (side,side).

    x, y, radius: in sides of the image; arrays (N,1,1) give (N,side,side).
    """
    across, down = middles(side), middles(side)[:, None]
    return OUTLINES[shape]((across - x) / radius, (down - y) / radius) * radius * side


def coverage(shape: int, x: Where, y: Where, radius: Where, side: int) -> Plane:
    """Return how much of each pixel a shape inks, in [0,1]; all else as in `outside`."""
    inked: Plane = np.clip(0.5 - outside(shape, x, y, radius, side), 0.0, 1.0)
    return inked


def _disc(x: Plane, y: Plane) -> Plane:
    return np.hypot(x, y) - np.float32(1.0)


def _square(x: Plane, y: Plane) -> Plane:
    return np.maximum(np.abs(x), np.abs(y)) - np.float32(0.85)


def _triangle(x: Plane, y: Plane) -> Plane:
    return np.maximum(np.float32(0.866) * np.abs(x) - np.float32(0.5) * y, y) - np.float32(0.55)


def _ring(x: Plane, y: Plane) -> Plane:
    return np.abs(np.hypot(x, y) - np.float32(0.8)) - np.float32(0.25)


OUTLINES: tuple[Callable[[Plane, Plane], Plane], ...] = (_disc, _square, _triangle, _ring)
"""Distances to an outline of radius one, negative inside."""
