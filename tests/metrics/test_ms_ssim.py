"""MS-SSIM: against pytorch-msssim on the same pixels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gexbench.core.images import round_8bit
from gexbench.core.metric import Evidence
from gexbench.metrics.ms_ssim import MsSsim, _halve, ms_ssim


def _pair(height: int, width: int, noise: float = 0.1, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 8, width // 8, generator=generator)
    a = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")[0]
    return round_8bit(a), round_8bit(a + noise * torch.randn(a.shape, generator=generator))


@pytest.mark.parametrize(("height", "width"), [(161, 161), (176, 200), (187, 333), (256, 256)])
def test_is_pytorch_msssim(height: int, width: int) -> None:
    theirs = pytest.importorskip("pytorch_msssim", reason="install gexbench[bench] for the independent reference")
    for noise in (0.02, 0.2):
        a, b = _pair(height, width, noise)
        expected = float(theirs.ms_ssim(a[None].double(), b[None].double(), data_range=1.0))
        assert ms_ssim(a, b) == pytest.approx(expected, abs=1e-5)
        expected = float(theirs.ms_ssim(255 * a[None].double(), 255 * b[None].double(), data_range=255.0))
        assert ms_ssim(255 * a, 255 * b, data_range=255.0) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 6), (4, 7), (5, 7)])
def test_between_scales_odd_sides_are_padded_as_pytorch_msssim_pads_them(height: int, width: int) -> None:
    x = torch.rand(3, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    theirs = torch.nn.functional.avg_pool2d(x, kernel_size=2, padding=(height % 2, width % 2))
    torch.testing.assert_close(_halve(x), theirs, atol=1e-15, rtol=0.0)


def test_flat_images_differ_by_the_luminance_term_of_the_coarsest_scale_alone() -> None:
    a, b = torch.full((3, 176, 176), 0.25), torch.full((3, 176, 176), 0.75)
    luminance = (2 * 0.25 * 0.75 + 0.0001) / (0.25**2 + 0.75**2 + 0.0001)
    assert ms_ssim(a, b) == pytest.approx(luminance**0.1333, abs=1e-9)


def test_identical_images_score_one_and_more_noise_scores_lower() -> None:
    scores = [ms_ssim(*_pair(176, 176, noise)) for noise in (0.0, 0.05, 0.3)]
    assert scores[0] == pytest.approx(1.0, abs=1e-12)
    assert scores[0] > scores[1] > scores[2]


def test_negative_parts_count_as_nothing() -> None:
    a, _ = _pair(176, 176, 0.0)
    assert ms_ssim(a, 1.0 - a) == 0.0


def test_the_measure_is_the_mean_over_images_of_mixed_sizes() -> None:
    pairs = [_pair(176, 200, 0.05, seed=1), _pair(165, 180, 0.2, seed=2)]
    together = MsSsim({"space": "rgb", "crop": 0}, {}).measure(Evidence([a for a, _ in pairs], [b for _, b in pairs]))
    assert together == pytest.approx(sum(ms_ssim(a, b) for a, b in pairs) / 2, abs=1e-12)


def test_refuses_images_without_a_window_at_the_coarsest_scale() -> None:
    a, b = _pair(160, 300)
    with pytest.raises(ValueError, match="above 160 pixels, got 160x300"):
        MsSsim({}, {}).measure(Evidence([a], [b]))


def test_refuses_sizes_that_differ_and_nan() -> None:
    a, b = _pair(176, 176)
    with pytest.raises(ValueError, match="3x176x175 and its reference 3x176x176"):
        MsSsim({}, {}).measure(Evidence([a[:, :, 1:]], [b]))
    b[0, 0, 0] = math.nan
    with pytest.raises(ValueError, match="NaN"):
        ms_ssim(a, b)
    with pytest.raises(ValueError, match="NaN"):
        MsSsim({}, {}).measure(Evidence([a], [b]))
