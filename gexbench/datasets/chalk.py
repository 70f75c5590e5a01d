"""Figures filled with chalk on a board: the kinds of `figures`, light on a dark ground.

Shapes, places and sizes are spread as there; colours and ground are new.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gexbench.datasets import figures

_CHALKS = np.array([(0.95, 0.62, 0.62), (0.62, 0.92, 0.68), (0.62, 0.76, 0.98), (0.97, 0.93, 0.62)], np.float32)
_BOARD = np.array((0.13, 0.21, 0.18), np.float32)
_GRAIN = 0.01


def figure(rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a figure of a kind chosen by chance; returns (side,side,3)."""
    return figure_of(int(rng.integers(figures.KINDS)), rng, side)


def figure_of(kind: int, rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a figure of a kind, 0 to 15 as in `figures`; returns (side,side,3)."""
    shape, colour = divmod(kind, figures.COLOURS)
    drawn = figures.coverage(shape, *figures.spot(rng), side)[..., None]
    chalk = _CHALKS[colour] + np.float32(rng.uniform(-0.04, 0.02))
    board = _BOARD + np.float32(rng.uniform(-0.03, 0.05))
    pixels = drawn * chalk + (1.0 - drawn) * board + rng.normal(0.0, _GRAIN, (side, side, 1)).astype(np.float32)
    image: NDArray[np.uint8] = np.rint(255.0 * pixels.clip(0.0, 1.0)).astype(np.uint8)
    return image
