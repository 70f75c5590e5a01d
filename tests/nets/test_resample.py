"""The filter between the pixels of two sides."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gexbench.nets.resample import Doubled, Smooth

from .filters import smoothed, spread
from .learning import drawn


@pytest.mark.parametrize(("margin", "stride"), [(0, 1), (1, 1), (2, 1), (1, 2)])
def test_smoothing_weighs_pixels_by_one_three_three_one(margin: int, stride: int) -> None:
    x = drawn(2, 3, 8, 6)
    cut = 3 - margin
    wanted = smoothed(x, 2.0)[..., cut:-cut, cut:-cut][..., ::stride, ::stride]
    assert torch.allclose(Smooth(margin, stride, gain=2.0)(x), wanted, atol=1e-6)


def test_doubling_is_bilinear_interpolation_over_zeros() -> None:
    x = drawn(2, 3, 4, 6)
    around = F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(Doubled()(x), around[..., 2:-2, 2:-2], atol=1e-6)
    assert torch.allclose(Doubled()(x), smoothed(spread(x), 4.0)[..., 1:-2, 1:-2], atol=1e-6)
