"""The one image convention: MATLAB's bicubic, by hand, by its definition and against published images."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gexbench.core.images import downscale, downscale_8bit, from_uint8, read_image, round_8bit, to_uint8, upscale


def _noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


# Keys's kernel at distances 1/4, 3/4, 5/4, 7/4, by hand.
NEAR, MIDDLE, FAR, LAST = 0.8671875, 0.2265625, -0.0703125, -0.0234375


def test_halving_spreads_a_dot_by_the_widened_kernel() -> None:
    x = torch.zeros(1, 2, 16, dtype=torch.float64)
    x[..., 8] = 1.0
    expected = torch.tensor([0, 0, LAST, MIDDLE, NEAR, FAR, 0, 0], dtype=torch.float64) / 2
    assert torch.allclose(downscale(x, 2)[0, 0], expected, atol=1e-15)


def test_doubling_spreads_a_dot_by_the_kernel() -> None:
    x = torch.zeros(1, 3, 9, dtype=torch.float64)
    x[..., 4] = 1.0
    spread = torch.tensor([0.0] * 5 + [LAST, FAR, MIDDLE, NEAR, NEAR, MIDDLE, FAR, LAST] + [0.0] * 5)
    assert torch.allclose(upscale(x, 2)[0, 2], spread.double(), atol=1e-15)


def test_repeats_the_pixel_at_the_edge() -> None:
    x = torch.zeros(1, 2, 8, dtype=torch.float64)
    x[..., 0] = 1.0
    at_edge = (NEAR + MIDDLE + FAR + LAST) / 2
    assert torch.allclose(downscale(x, 2)[0, 0, 0], torch.tensor(at_edge, dtype=torch.float64), atol=1e-15)


def _keys(t: float) -> float:
    t = abs(t)
    if t <= 1:
        return 1.5 * t**3 - 2.5 * t**2 + 1
    return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0


def _pixel_by_pixel(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (H,W) by the definition: one weighted mean over the padded image a pixel."""
    pad = 20
    padded = np.pad(x.numpy(), pad, mode="edge")
    out = np.zeros(size)
    for i, j in np.ndindex(size):
        kernels = []
        for place, side, size_out in ((i, x.shape[0], size[0]), (j, x.shape[1], size[1])):
            shrink = min(size_out / side, 1.0)
            centre = (place + 0.5) * side / size_out - 0.5
            kernel = np.array([_keys((centre - p) * shrink) for p in range(-pad, side + pad)])
            kernels.append(kernel / kernel.sum())
        out[i, j] = kernels[0] @ padded @ kernels[1]
    return torch.from_numpy(out)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_resizing_is_the_definition_pixel_by_pixel(scale: int) -> None:
    small, large = _noise(5, 7).double(), _noise(4 * scale, 3 * scale).double()
    up, down = upscale(small[None], scale)[0], downscale(large[None], scale)[0]
    assert torch.allclose(up, _pixel_by_pixel(small, (5 * scale, 7 * scale)), atol=1e-13)
    assert torch.allclose(down, _pixel_by_pixel(large, (4, 3)), atol=1e-13)


def test_a_flat_image_stays_flat_and_a_batch_is_its_images() -> None:
    assert torch.allclose(downscale(torch.full((3, 16, 16), 0.3), 4), torch.full((3, 4, 4), 0.3), atol=1e-7)
    x = _noise(2, 3, 8, 12)
    assert torch.equal(downscale(x, 4)[1], downscale(x[1], 4))
    assert torch.equal(upscale(x, 4)[1], upscale(x[1], 4))


def test_resizing_keeps_the_type_and_lets_gradients_through() -> None:
    x = _noise(3, 8, 8).requires_grad_()
    y = downscale(x, 2)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert y.dtype == torch.float32
    assert torch.allclose(slope.sum(), torch.tensor(48.0))


def test_downscaling_to_8_bits_rounds_after_the_height_and_again_after_the_width() -> None:
    four = from_uint8(torch.tensor([[[3, 1], [0, 0]]], dtype=torch.uint8))
    assert to_uint8(downscale(four, 2)).item() == 1
    assert to_uint8(downscale_8bit(four, 2)).item() == 2
    assert to_uint8(downscale_8bit(four.mT, 2)).item() == 1


@pytest.mark.parametrize("change", [downscale, downscale_8bit, upscale])
def test_refuses_what_it_cannot_resize(change: Callable[[Tensor, int], Tensor]) -> None:
    with pytest.raises(ValueError, match="scale must be 1 or more, got 0"):
        change(_noise(3, 8, 8), 0)
    with pytest.raises(ValueError, match=r"\(8, 8\)"):
        change(_noise(8, 8), 2)
    with pytest.raises(ValueError, match="uint8"):
        change(torch.zeros(3, 8, 8, dtype=torch.uint8), 2)


@pytest.mark.parametrize("shrink", [downscale, downscale_8bit])
def test_refuses_to_shrink_by_a_broken_pixel(shrink: Callable[[Tensor, int], Tensor]) -> None:
    with pytest.raises(ValueError, match="8x9 is no multiple of 4; use crop_to_multiple"):
        shrink(_noise(3, 8, 9), 4)


def _benchmark(name: str) -> list[tuple[Tensor, Tensor]]:
    root = os.environ.get("GEXBENCH_DATA")
    if not root:
        pytest.skip("GEXBENCH_DATA is unset: no published low-resolution images to compare with")
    large = sorted((Path(root) / "sr" / name / "x4").glob("*_HR.png"))
    if not large:
        pytest.skip(f"no sr/{name}/x4 below GEXBENCH_DATA={root}")
    return [(read_image(path), read_image(path.with_name(path.name.replace("_HR", "_LR")))) for path in large]


@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_makes_the_published_low_resolution_images_to_the_bit(name: str) -> None:
    for large, small in _benchmark(name):
        assert torch.equal(downscale_8bit(large, 4), small)


def test_downscaling_without_rounding_is_near_the_published_images() -> None:
    for large, small in _benchmark("Set5"):
        assert (round_8bit(downscale(large, 4)) - small).abs().max() <= 2.01 / 255
        assert (downscale(large, 4) - small).abs().mean() < 0.5 / 255
