"""Faces drawn by code: one seed is one face, whatever the size of the picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from gexbench.datasets.faces import cartoon, photo

Draw = Callable[[Generator, int], NDArray[np.uint8]]
either = pytest.mark.parametrize("draw", [photo, cartoon])


def rng(seed: int) -> Generator:
    return Generator(PCG64(seed))


@either
def test_a_larger_picture_shows_the_same_face(draw: Draw) -> None:
    small, large, other = draw(rng(0), 32) / 255.0, draw(rng(0), 96) / 255.0, draw(rng(1), 96) / 255.0
    shrunk, stranger = (image.reshape(32, 3, 32, 3, 3).mean(axis=(1, 3)) for image in (large, other))
    assert np.abs(shrunk - small).mean() < 0.04
    assert np.abs(stranger - small).mean() > 0.1


@either
def test_faces_differ_from_seed_to_seed(draw: Draw) -> None:
    faces = [draw(rng(seed), 32).tobytes() for seed in range(12)]
    assert len(set(faces)) == 12


def test_cartoons_are_flat_and_photos_are_not() -> None:
    for seed in range(5):
        drawn, taken = (len(np.unique(draw(rng(seed), 64)[:3].reshape(-1, 3), axis=0)) for draw in (cartoon, photo))
        assert 3 * drawn < taken
