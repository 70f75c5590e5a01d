"""The wavelet transform and the loss on its high bands."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.training.wavelets import HIGH, LOW, decompose, high_bands, high_frequency_loss


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed))


def ramp(height: int, width: int) -> Tensor:
    down, across = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([down, across, 0.3 * down + 0.7 * across])[None]


def test_the_filters_and_their_even_shifts_are_orthonormal() -> None:
    taps = torch.zeros(6, 14, dtype=torch.float64)
    for row, (kernel, start) in enumerate((k, s) for k in (LOW, HIGH) for s in (0, 2, 4)):
        taps[row, start : start + 6] = torch.tensor(kernel, dtype=torch.float64)
    torch.testing.assert_close(taps @ taps.T, torch.eye(6, dtype=torch.float64), atol=1e-14, rtol=0.0)


def test_the_high_filter_has_three_vanishing_moments_and_no_fourth() -> None:
    taps, places = torch.tensor(HIGH, dtype=torch.float64), torch.arange(6, dtype=torch.float64)
    moments = [abs(float((taps * places**power).sum())) for power in range(4)]
    assert max(moments[:3]) < 1e-12
    assert moments[3] > 1.0


def test_energy_is_kept_where_borders_are_black() -> None:
    images = torch.zeros(2, 3, 40, 33)
    images[..., 6:-6, 6:-6] = noise(28, 21)
    low, high = decompose(images)
    torch.testing.assert_close(low.square().sum() + high.square().sum(), images.square().sum())


def test_a_second_level_splits_the_low_band_of_the_first() -> None:
    images = noise(32, 24)
    low, first = decompose(images)
    bands = high_bands(images, 2)
    assert [tuple(band.shape) for band in bands] == [(2, 3, 3, 18, 14), (2, 3, 3, 11, 9)]
    assert torch.equal(bands[0], first)
    assert torch.equal(bands[1], decompose(low)[1])


def test_a_constant_image_has_no_high_bands() -> None:
    for band in high_bands(torch.full((1, 3, 32, 21), 0.7), 2):
        assert float(band.abs().max()) < 1e-6


def test_a_linear_image_has_no_high_bands_away_from_the_borders() -> None:
    bands = high_bands(ramp(48, 40), 2)
    inside = [band[..., 4:-4, 4:-4] for band in bands]
    assert all(band.numel() for band in inside)
    assert max(float(band.abs().max()) for band in inside) < 1e-6
    assert float(bands[0].abs().max()) > 1e-3


def test_the_bands_come_as_high_downwards_high_across_and_both() -> None:
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[..., ::2, :] = 1.0
    lying, standing = (decompose(image)[1].square().sum(dim=(0, 1, 3, 4)) for image in (stripes, stripes.mT))
    assert float(lying[0]) > 100 * float(lying[1:].max())
    assert float(standing[1]) > 100 * float(standing[::2].max())


@pytest.mark.parametrize("size", [(32, 32), (33, 25), (27, 46)])
def test_bands_agree_with_an_independent_implementation(size: tuple[int, int]) -> None:
    pywt = pytest.importorskip("pywt", reason="PyWavelets is not installed")
    images = noise(*size)
    for band, wanted in zip(
        high_bands(images, 2), reversed(pywt.wavedec2(images.numpy(), "db3", "symmetric", 2)[1:]), strict=True
    ):
        torch.testing.assert_close(band, torch.stack([torch.from_numpy(part) for part in wanted], 2))


def test_the_loss_is_the_mean_over_levels_of_mean_differences() -> None:
    made, wanted = noise(32, 32, 1), noise(32, 32, 2)
    pairs = zip(high_bands(made, 2), high_bands(wanted, 2), strict=True)
    by_level = [float((one - other).abs().mean()) for one, other in pairs]
    assert float(high_frequency_loss(made, wanted)) == pytest.approx(sum(by_level) / 2, rel=1e-5)
    assert float(high_frequency_loss(made, made)) == 0.0
    assert float(high_frequency_loss(wanted, made)) == float(high_frequency_loss(made, wanted))


def test_the_loss_does_not_mind_brightness_but_minds_noise() -> None:
    images, grain = noise(32, 32), noise(32, 32, 3) - 0.5
    assert float(high_frequency_loss(images + 0.2, images)) < 1e-6
    assert float(high_frequency_loss(images + 0.2 * grain, images)) > 1e-2


def test_following_the_gradient_takes_the_noise_away() -> None:
    wanted = ramp(32, 32)
    made = (wanted + 0.2 * (noise(32, 32)[:1] - 0.5)).requires_grad_()
    before = high_frequency_loss(made, wanted)
    (slope,) = torch.autograd.grad(before, made)
    after = high_frequency_loss(made - 20.0 * slope, wanted)
    assert float(after.detach()) < 0.95 * float(before.detach())


def test_bfloat16_autocast_leaves_the_transform_in_float32() -> None:
    images = noise(32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        bands, half = high_bands(images, 2), high_bands(images.bfloat16(), 1)
    assert all(torch.equal(one, other) for one, other in zip(bands, high_bands(images, 2), strict=True))
    assert half[0].dtype == torch.float32


def test_images_too_small_and_too_few_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="5 pixels or more, got 4x9"):
        decompose(torch.zeros(1, 3, 4, 9))
    with pytest.raises(ValueError, match="levels must be 1 or more, got 0"):
        high_bands(torch.zeros(1, 3, 8, 8), 0)
