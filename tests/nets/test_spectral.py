"""Windows along lines in the Fourier domain, against the direct convolution."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from gexbench.nets.spectral import SpectralWindow


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _error(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).abs().max() / exact.abs().max())


@pytest.mark.parametrize(("side", "taps"), [(17, 7), (8, 3), (5, 1), (16, 5)])
def test_is_the_direct_convolution_with_zeros_beside_the_image(side: int, taps: int) -> None:
    x = _random(2, 6, side, side).contiguous(memory_format=torch.channels_last)
    weight = _random(4, 6, taps)
    window, half = SpectralWindow(weight, side), taps // 2
    rows = conv2d(x.double(), weight.double()[:, :, None, :], padding=(0, half))
    columns = conv2d(x.double(), weight.double()[:, :, :, None], padding=(half, 0))
    assert _error(window.along_rows(x), rows) < 1e-6
    assert _error(window.along_columns(x), columns) < 1e-6


def test_an_image_s_result_does_not_depend_on_its_batch() -> None:
    x = _random(5, 32, 17, 17).contiguous(memory_format=torch.channels_last)
    window = SpectralWindow(_random(16, 32, 7), 17)
    together = window.along_columns(x)
    alone = torch.cat([window.along_columns(image[None]) for image in x])
    assert torch.allclose(alone, together, rtol=1e-6, atol=1e-5)
