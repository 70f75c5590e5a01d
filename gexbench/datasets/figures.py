"""Figures drawn by code: one coloured shape on a plain ground, so that every kind of image is known and can be counted.

There are 64 kinds, all equally likely: four shapes, four colours, four places. Within a kind, place, size, colour,
ground and grain vary a little.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Plane = NDArray[np.float32]

SHAPES, COLOURS, PLACES = 4, 4, 4
KINDS = SHAPES * COLOURS * PLACES

_INKS = np.array([(0.84, 0.24, 0.22), (0.20, 0.58, 0.32), (0.20, 0.36, 0.80), (0.93, 0.72, 0.16)], np.float32)
_CENTRES = ((0.3, 0.3), (0.7, 0.3), (0.3, 0.7), (0.7, 0.7))
_RADIUS, _STRAY, _GRAIN = 0.22, 0.04, 0.01


def figure(rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a figure of a kind chosen by chance; returns (side,side,3)."""
    return figure_of(int(rng.integers(KINDS)), rng, side)


def figure_of(kind: int, rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a figure of a kind, 0 to 63; returns (side,side,3)."""
    inked = np.clip(0.5 - outside(kind, rng, side), 0.0, 1.0)[..., None]
    ink = _INKS[colour_of(kind)] + rng.uniform(-0.04, 0.04, 3).astype(np.float32)
    down = _grid(side)[1][..., None]
    ground = np.float32(rng.uniform(0.82, 0.92)) + np.float32(rng.uniform(-0.05, 0.05)) * down
    pixels = inked * ink + (1.0 - inked) * ground + rng.normal(0.0, _GRAIN, (side, side, 3)).astype(np.float32)
    drawn: NDArray[np.uint8] = np.rint(255.0 * pixels.clip(0.0, 1.0)).astype(np.uint8)
    return drawn


def outside(kind: int, rng: Generator, side: int) -> Plane:
    """Return how far each pixel lies outside a figure of a kind, in pixels, negative inside; (side,side)."""
    shape, place = kind // (COLOURS * PLACES), kind % PLACES
    x, y = (centre + rng.uniform(-_STRAY, _STRAY) for centre in _CENTRES[place])
    radius = _RADIUS * rng.uniform(0.85, 1.15)
    across, down = _grid(side)
    return _OUTLINES[shape]((across - x) / radius, (down - y) / radius) * radius * side


def colour_of(kind: int) -> int:
    """Return the number of a kind's colour: 0 red, 1 green, 2 blue, 3 yellow."""
    return kind // PLACES % COLOURS


def _grid(side: int) -> tuple[Plane, Plane]:
    across, down = (axis.astype(np.float32) for axis in np.meshgrid(*(2 * [(np.arange(side) + 0.5) / side])))
    return across, down


def _disc(x: Plane, y: Plane) -> Plane:
    return np.hypot(x, y) - np.float32(1.0)


def _square(x: Plane, y: Plane) -> Plane:
    return np.maximum(np.abs(x), np.abs(y)) - np.float32(0.85)


def _triangle(x: Plane, y: Plane) -> Plane:
    return np.maximum(np.float32(0.866) * np.abs(x) - np.float32(0.5) * y, y) - np.float32(0.55)


def _ring(x: Plane, y: Plane) -> Plane:
    return np.abs(np.hypot(x, y) - np.float32(0.8)) - np.float32(0.25)


_OUTLINES: tuple[Callable[[Plane, Plane], Plane], ...] = (_disc, _square, _triangle, _ring)
"""Distances to an outline of radius one, negative inside."""
