"""Noise of some frequencies alone."""

from __future__ import annotations

import pytest
import torch

from gexbench.core.band_noise import band_noise


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_all_of_it_lies_in_the_band() -> None:
    noise = band_noise(24, 32, (3.0, 6.0), draws()).double()
    power = torch.fft.fft2(noise).abs().square().sum(0)
    rows, columns = (torch.fft.fftfreq(side, 1.0 / side) for side in (24, 32))
    distance = torch.hypot(rows[:, None], columns[None])
    inside = (distance >= 3.0) & (distance <= 6.0)
    assert float(power[~inside].sum()) < 1e-9 * float(power.sum())


def test_its_mean_square_is_one_and_its_mean_zero() -> None:
    noise = band_noise(16, 9, (1.5, 4.0), draws())
    assert (noise.shape, noise.dtype) == ((3, 16, 9), torch.float32)
    assert float(noise.square().mean()) == pytest.approx(1.0, rel=1e-5)
    assert float(noise.mean()) == pytest.approx(0.0, abs=1e-6)


def test_another_generator_gives_another_noise_and_the_same_one_the_same() -> None:
    one, same, other = (band_noise(16, 16, (2.0, 5.0), draws(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert abs(float((one * other).mean())) < 0.3


def test_a_band_that_the_image_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="8x8 pixels have no frequency from 20 to 30"):
        band_noise(8, 8, (20.0, 30.0), draws())
