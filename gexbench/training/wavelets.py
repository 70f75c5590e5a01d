"""What is fine in an image: the high bands of a wavelet transform, and a loss on them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_ROOT = math.sqrt(10.0)
_NESTED = math.sqrt(5.0 + 2.0 * _ROOT)
LOW = tuple(
    tap / (16.0 * math.sqrt(2.0))
    for tap in (
        1.0 + _ROOT + _NESTED,
        5.0 + _ROOT + 3.0 * _NESTED,
        10.0 - 2.0 * _ROOT + 2.0 * _NESTED,
        10.0 - 2.0 * _ROOT - 2.0 * _NESTED,
        5.0 + _ROOT - 3.0 * _NESTED,
        1.0 + _ROOT - _NESTED,
    )
)
"""The low-pass filter db3: six taps, three vanishing moments. Source: Daubechies 1988, section 4, N = 3."""

HIGH = tuple((-1.0) ** place * tap for place, tap in enumerate(reversed(LOW)))
"""The high-pass filter that belongs to it: its quadrature mirror."""

MARGIN = len(LOW) - 2


def decompose(images: Tensor) -> tuple[Tensor, Tensor]:
    """Split images by one level of the 2-D wavelet transform db3.

    images: (N,C,H,W), any floating type, sides of 5 pixels or more. Returns the low band (N,C,h,w) and the high bands
    (N,C,3,h,w), float32, where h = (H+5)//2 and w = (W+5)//2. The high bands are, in this order, high from row
    to row, high from column to column, and both. Borders are mirrored, the edge pixel repeated. Computed in float32,
    under autocast too; differentiable. Raises ValueError on smaller sides. Source: Mallat 1989, section IV.
    """
    if min(images.shape[-2:]) <= MARGIN:
        raise ValueError(f"sides must be {MARGIN + 1} pixels or more, got {images.shape[-2]}x{images.shape[-1]}")
    channels = images.shape[1]
    with torch.autocast(images.device.type, enabled=False):
        framed = _mirrored(_mirrored(images.float(), -1), -2)
        kernels = _kernels(images.device).repeat(channels, 1, 1, 1)
        bands = F.conv2d(framed, kernels, stride=2, groups=channels).unflatten(1, (channels, 4))
    return bands[:, :, 0], bands[:, :, 1:]


def high_bands(images: Tensor, levels: int) -> list[Tensor]:
    """Return the high bands of each level, the finest first: (N,3,3,h,w), float32; see `decompose`.

    images: (N,3,H,W). levels: how often the low band is split again. Raises ValueError on less than one level.
    """
    if levels < 1:
        raise ValueError(f"levels must be 1 or more, got {levels}")
    found = []
    for _ in range(levels):
        images, high = decompose(images)
        found.append(high)
    return found


def high_frequency_loss(made: Tensor, wanted: Tensor, levels: int = 2) -> Tensor:
    """Return the mean absolute difference between high bands, a scalar; every level counts the same.

    made, wanted: (N,3,H,W). Source: Mi et al. 2024 (arXiv 2403.07673), the wavelet regularization.
    """
    # the transform is linear: bands of the difference are differences of bands
    bands = high_bands(made.float() - wanted.float(), levels)
    return torch.stack([band.abs().mean() for band in bands]).mean()


def _kernels(device: torch.device) -> Tensor:
    low, high = (torch.tensor(taps, device=device) for taps in (LOW, HIGH))
    pairs = ((low, low), (high, low), (low, high), (high, high))
    return torch.stack([torch.outer(rows, columns) for rows, columns in pairs]).unsqueeze(1)


def _mirrored(images: Tensor, dim: int) -> Tensor:
    # an odd side gets one more pixel, so that the last window is whole
    side = images.shape[dim]
    first = images.narrow(dim, 0, MARGIN).flip(dim)
    last = images.narrow(dim, side - MARGIN - side % 2, MARGIN + side % 2).flip(dim)
    return torch.cat([first, images, last], dim)
