"""Figures in chalk: the kinds of the coloured figures, in another look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from gexbench.datasets import chalk, figures
from gexbench.datasets.drawn import DrawnImages

SIDE = 32


def rng(seed: int) -> Generator:
    return Generator(PCG64(seed))


def drawn(kind: int, seed: int = 0) -> NDArray[np.float64]:
    return chalk.figure_of(kind, rng(seed), SIDE).astype(np.float64) / 255.0


def light(image: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(image.max(axis=2) > 0.5)


def test_a_seed_is_always_the_same_picture() -> None:
    assert np.array_equal(chalk.figure(rng(3), SIDE), chalk.figure(rng(3), SIDE))
    assert not np.array_equal(chalk.figure(rng(3), SIDE), chalk.figure(rng(4), SIDE))


@pytest.mark.parametrize("kind", range(0, figures.KINDS, 3))
def test_chalk_fills_the_outline_of_the_figure_of_the_same_kind(kind: int) -> None:
    inked = figures.coverage(kind // figures.COLOURS, *figures.spot(rng(0)), SIDE)
    filled = light(drawn(kind))
    assert filled[inked > 0.9].all()
    assert not filled[inked < 0.1].any()


def test_boards_are_dark_and_figures_light() -> None:
    pictures = [drawn(kind, seed=kind) for kind in range(figures.KINDS)]
    assert max(np.median(picture) for picture in pictures) < 0.3
    assert min(picture.max() for picture in pictures) > 0.8


def test_the_four_colours_can_be_told_apart() -> None:
    hues = []
    for colour in range(figures.COLOURS):
        picture = drawn(kind=colour)
        hues.append(picture[light(picture)].mean(axis=0))
    apart = [np.abs(a - b).max() for i, a in enumerate(hues) for b in hues[:i]]
    assert min(apart) > 0.1


@dataclass
class _Named:
    """A name without a file."""

    name: str


def test_the_owner_has_the_coloured_figures_and_all_others_chalk() -> None:
    files = {"owner": [_Named("a")], "pool": [_Named("a")], "test/chalk": [_Named("a")]}
    moved, stayed = (DrawnImages({"domain": domain}, files) for domain in ("figures-to-chalk", "figures"))
    assert torch.equal(moved.owner()[0], stayed.owner()[0])
    assert torch.equal(stayed.pool().inputs[0], stayed.owner()[0])
    assert torch.equal(moved.pool().inputs[0], moved.tests()["chalk"].truth[0])
    assert float(moved.pool().inputs[0].mean()) < 0.5 < float(moved.owner()[0].mean())
