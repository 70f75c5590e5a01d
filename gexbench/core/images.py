"""The one image convention: float32, (C,H,W) or (N,C,H,W), RGB, [0,1]; and what is done to images everywhere."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from gexbench.core.decoding import decode
from gexbench.errors import DataMissing
from gexbench.foreign_text import escaped

_LUMA_OFFSET = 16.0 / 255.0
_LUMA_WEIGHTS = (65.481 / 255.0, 128.553 / 255.0, 24.966 / 255.0)


def read_image(path: str | os.PathLike[str]) -> Tensor:
    """Read an image file; returns (3,H,W) float32 in [0,1].

    Rules as in `decode_image`. Raises DataMissing naming the file when it is not there or is not a whole image.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataMissing(f"cannot read the image {escaped(os.fspath(path))}: {error.strerror}") from error
    return decode_image(data, os.fspath(path))


def decode_image(data: bytes, name: str) -> Tensor:
    """Decode the bytes of an image file; returns (3,H,W) float32 in [0,1].

    Grey is replicated, palettes are expanded, CMYK is converted as Pillow does, transparency is composited on white,
    the EXIF orientation is applied, colour profiles are not. 16 bits are divided by 65535, grey and colour alike.
    name: what an error calls the file. Raises DataMissing when the bytes are truncated, no image, in a colour space
    that is not converted (LAB), or float, signed or 32-bit pixels, whose range no file states.
    """
    pixels = decode(data, name).pixels
    return from_uint8(pixels) if pixels.dtype == torch.uint8 else pixels


def decode_8bit(data: bytes, name: str) -> Tensor:
    """Decode the bytes of an image file to (3,H,W) uint8: `to_uint8` of `decode_image`, and with its errors."""
    pixels = decode(data, name).pixels
    return pixels if pixels.dtype == torch.uint8 else to_uint8(pixels)


def to_uint8(x: Tensor) -> Tensor:
    """Turn [0,1] into 0..255, any shape; values outside are clamped, halves go up.

    `to_uint8(from_uint8(k)) == k` for all k, and `from_uint8(to_uint8(x)) == round_8bit(x)` to the last bit. Raises
    ValueError on NaN, which has no nearest level.
    """
    if bool(torch.isnan(x).any()):
        raise ValueError(f"an image of shape {tuple(x.shape)} holds NaN; it cannot be made 8-bit")
    return _levels(x).to(torch.uint8)


def from_uint8(k: Tensor) -> Tensor:
    """Turn 0..255 (uint8, any shape) into float32 in [0,1]. Raises TypeError on any other type."""
    if k.dtype != torch.uint8:
        raise TypeError(f"from_uint8 takes uint8, got {k.dtype}")
    return _over_255(k.float())


def round_8bit(x: Tensor) -> Tensor:
    """Round to the nearest k/255, any shape; values outside [0,1] are clamped, halves go up, NaN stays NaN."""
    return _over_255(_levels(x))


def _levels(x: Tensor) -> Tensor:
    return (x.float() * 255.0 + 0.5).floor().clamp(0.0, 255.0)


def _over_255(levels: Tensor) -> Tensor:
    # CUDA multiplies by the reciprocal when it divides by a number, and is then one bit off the CPU; not by a tensor.
    return levels / levels.new_full((), 255.0)


def luma_bt601(x: Tensor) -> Tensor:
    """Return the studio-swing luma Y of ITU-R BT.601, as MATLAB's rgb2ycbcr; (...,3,H,W) in [0,1] to (...,1,H,W).

    Y lies in [16/255, 235/255] and is not rounded; x keeps its floating type. Raises ValueError unless there are three
    channels.
    """
    if x.ndim < 3 or x.shape[-3] != 3:
        raise ValueError(f"luma takes (...,3,H,W), got {tuple(x.shape)}")
    red, green, blue = x.unbind(-3)
    weights = _LUMA_WEIGHTS
    return (red * weights[0] + green * weights[1] + blue * weights[2] + _LUMA_OFFSET).unsqueeze(-3)


def crop_to_multiple(x: Tensor, scale: int) -> Tensor:
    """Cut the right and bottom edge so that both sides of (...,H,W) are multiples of scale; a view.

    Raises ValueError when nothing would be left.
    """
    height, width = (side - side % scale for side in x.shape[-2:])
    if not height or not width:
        raise ValueError(f"an image of {x.shape[-2]}x{x.shape[-1]} has no {scale}x{scale} pixels to keep")
    return x[..., :height, :width]


def downscale(x: Tensor, scale: int) -> Tensor:
    """Shrink by a whole factor as MATLAB's imresize shrinks floating images: bicubic (a = -0.5), antialiased.

    x: (C,H,W) or (N,C,H,W), sides multiples of scale; returns H/scale x W/scale in x's type. The kernel is widened by
    scale, edge pixels are repeated, weights are normalised. Computed in float64 (float32 on MPS) and neither clamped
    nor rounded: a sharp edge may overshoot [0,1]. Differentiable. Raises ValueError on other shapes or sides. Source:
    Keys 1981, eq. 4; imresize of MATLAB's Image Processing Toolbox.
    """
    rows, columns = _shrinking(x, scale)
    return _across(_down(x, rows), columns).to(x.dtype)


def downscale_8bit(x: Tensor, scale: int) -> Tensor:
    """Shrink by a whole factor as MATLAB's imresize shrinks uint8 images; returns float32 multiples of 1/255.

    As `downscale`, but clamped and rounded to 8 bits after each of the two passes, height first. Equal in every pixel
    to the low-resolution images that Set5 and Set14 are published with.
    """
    rows, columns = _shrinking(x, scale)
    return round_8bit(_across(round_8bit(_down(x, rows)), columns))


def upscale(x: Tensor, scale: int) -> Tensor:
    """Enlarge by a whole factor as MATLAB's imresize enlarges floating images: bicubic (a = -0.5).

    x: (C,H,W) or (N,C,H,W); returns H*scale x W*scale in x's type. Edges, precision, range, errors and source as in
    `downscale`.
    """
    _check_image(x, scale)
    height, width = x.shape[-2:]
    return _across(_down(x, _weights(height, height * scale)), _weights(width, width * scale)).to(x.dtype)


def _shrinking(x: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    _check_image(x, scale)
    height, width = x.shape[-2:]
    if height % scale or width % scale:
        raise ValueError(f"{height}x{width} is no multiple of {scale}; use crop_to_multiple first")
    return _weights(height, height // scale), _weights(width, width // scale)


def _check_image(x: Tensor, scale: int) -> None:
    if scale < 1:
        raise ValueError(f"scale must be 1 or more, got {scale}")
    if x.ndim not in (3, 4) or not x.is_floating_point():
        raise ValueError(f"expected floating (C,H,W) or (N,C,H,W), got {x.dtype} {tuple(x.shape)}")


def _down(x: Tensor, rows: Tensor) -> Tensor:
    work = _working(x)
    return rows.to(x.device, work) @ x.to(work)


def _across(x: Tensor, columns: Tensor) -> Tensor:
    work = _working(x)
    return x.to(work) @ columns.to(x.device, work).T


def _working(x: Tensor) -> torch.dtype:
    return torch.float32 if x.device.type == "mps" else torch.float64


def _weights(size_in: int, size_out: int) -> Tensor:
    """Return the (size_out, size_in) float64 matrix that resizes one side."""
    ratio = size_out / size_in
    shrink = min(ratio, 1.0)
    centre = (torch.arange(size_out, dtype=torch.float64) + 0.5) / ratio - 0.5
    first = (centre - 2.0 / shrink).floor().long()
    taps = first[:, None] + torch.arange(int(4.0 / shrink) + 2)
    weights = _cubic((centre[:, None] - taps) * shrink)
    weights = weights / weights.sum(dim=1, keepdim=True)
    inside = taps.clamp(0, size_in - 1)
    return torch.zeros(size_out, size_in, dtype=torch.float64).scatter_add_(1, inside, weights)


def _cubic(t: Tensor) -> Tensor:
    t = t.abs()
    near = 1.5 * t**3 - 2.5 * t**2 + 1.0
    far = -0.5 * t**3 + 2.5 * t**2 - 4.0 * t + 2.0
    return torch.where(t <= 1.0, near, torch.where(t < 2.0, far, torch.zeros_like(t)))
