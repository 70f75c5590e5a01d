"""What landscapes and faces are drawn with: noise, canvases, 8 bits; the pictures themselves are in test_drawn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import PCG64, Generator

from gexbench.datasets.scenes import FINE, developed, eight_bit, enlarged, ink, painting, photo, reduced, smooth_noise


def rng(seed: int = 0) -> Generator:
    return Generator(PCG64(seed))


def test_noise_of_few_bumps_is_smooth_and_of_many_is_rough() -> None:
    smooth, rough = (smooth_noise(rng(), (64, 48), bumps, bumps) for bumps in (4, 32))
    assert smooth.shape == rough.shape == (64, 48)
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.3 * np.abs(np.diff(rough, axis=0)).mean()
    assert -1.5 < smooth.min() < 0.0 < smooth.max() < 1.5


def test_what_is_drawn_large_comes_back_at_its_own_size() -> None:
    pixels = rng().random((16, 16, 3), np.float32)
    canvas = enlarged(pixels)
    assert canvas.size == (16 * FINE, 16 * FINE)
    assert np.array_equal(eight_bit(reduced(canvas)), eight_bit(pixels))


def test_values_become_the_nearest_of_256_and_others_are_clipped() -> None:
    assert eight_bit(np.array([-0.1, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 7.0], np.float32)).tolist() == [
        0,
        0,
        0,
        1,
        255,
        255,
    ]
    assert ink((-1.0, 0.5, 2.0)) == (0, 128, 255)


def test_a_developed_picture_has_grain_and_soft_edges() -> None:
    edge = np.zeros((32, 32, 3), np.float32)
    edge[:, 16:] = 0.8
    drawn = developed(rng(), edge, blur=0.05) / 255.0
    assert 0.003 < drawn[:, -4:].std() < 0.05
    assert 0.1 < drawn[:, 16].mean() < 0.7


@pytest.mark.parametrize("draw", [photo, painting])
def test_a_seed_is_always_the_same_picture(draw: object) -> None:
    assert callable(draw)
    first, again, other = (draw(rng(seed), 32) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
