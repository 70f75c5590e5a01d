"""A convolution with a long window over short lines, by the discrete Fourier transform along the line.

A window of 7 over 17 pixels takes 119 products a line, channel by channel; in the Fourier domain, over a circle of 20
pixels whose last 3 are the zeros of the padding, 11 complex ones do.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class SpectralWindow:
    """The weights of a window of `taps` along lines of `side` pixels, zeros beside them, in the Fourier domain.

    weight: (O,C,taps) float32, taps odd. `along_rows` and `along_columns` take (N,C,side,side), channels last, float32
    on the CPU, and return the convolution alone, without a bias.
    """

    def __init__(self, weight: Tensor, side: int) -> None:
        self._side, self._outputs = side, weight.shape[0]
        self._circle = _even(side + weight.shape[2] // 2)
        self._forward, self._back = _transforms(side, self._circle)
        self._weight = _blocks(weight.double(), self._circle).float()

    def along_rows(self, x: Tensor) -> Tensor:
        """Return the convolution with a 1 x taps window."""
        count, channels, side = x.shape[0], x.shape[1], self._side
        lines = x.permute(0, 2, 3, 1).reshape(count * side, side, channels)
        waves = (self._forward @ lines).view(count * side, -1, 2 * channels)
        weighed = torch.bmm(waves.transpose(0, 1), self._weight).transpose(0, 1)
        lines = self._back @ weighed.reshape(count * side, self._circle, self._outputs)
        return lines.view(count, side, side, self._outputs).permute(0, 3, 1, 2)

    def along_columns(self, x: Tensor) -> Tensor:
        """Return the convolution with a taps x 1 window."""
        count, channels, side = x.shape[0], x.shape[1], self._side
        columns = x.permute(0, 2, 3, 1).reshape(count, side, side * channels)
        waves = (self._forward @ columns).view(count, -1, 2, side, channels).permute(1, 0, 3, 2, 4)
        weighed = torch.bmm(waves.reshape(-1, count * side, 2 * channels), self._weight)
        weighed = weighed.view(-1, count, side, 2, self._outputs).permute(1, 0, 3, 2, 4)
        columns = self._back @ weighed.reshape(count, self._circle, side * self._outputs)
        return columns.view(count, side, side, self._outputs).permute(0, 3, 1, 2)


def _even(number: int) -> int:
    return number + number % 2


def _angles(circle: int, places: Tensor) -> Tensor:
    """Return (waves, places): the phase of each of the circle/2 + 1 waves at each place."""
    return torch.outer(torch.arange(circle // 2 + 1, dtype=torch.float64), places) * (2.0 * math.pi / circle)


def _transforms(side: int, circle: int) -> tuple[Tensor, Tensor]:
    """Return the transform (circle,side) and its inverse (side,circle) over real numbers.

    They come in pairs: the mean and the shortest wave, which have no imaginary part, then each wave's two parts.
    """
    angles = _angles(circle, torch.arange(side, dtype=torch.float64))
    cosine, sine = angles.cos(), -angles.sin()
    inner = torch.stack([cosine[1:-1], sine[1:-1]], dim=1).flatten(0, 1)
    ends = torch.stack([cosine[0], cosine[-1]])
    back = torch.cat([ends, 2.0 * inner]).T / circle
    return torch.cat([ends, inner]).float(), back.contiguous().float()


def _blocks(weight: Tensor, circle: int) -> Tensor:
    """Return (circle/2, 2C, 2O): for each pair of numbers the real matrix that multiplies it."""
    outputs, inputs, taps = weight.shape
    angles = _angles(circle, torch.arange(taps, dtype=torch.float64) - taps // 2)
    real = torch.einsum("oct,ft->fco", weight, angles.cos())
    imaginary = torch.einsum("oct,ft->fco", weight, angles.sin())
    blocks = torch.zeros(circle // 2, 2, inputs, 2, outputs, dtype=torch.float64)
    blocks[0, 0, :, 0], blocks[0, 1, :, 1] = real[0], real[-1]
    blocks[1:, 0, :, 0], blocks[1:, 1, :, 1] = real[1:-1], real[1:-1]
    blocks[1:, 0, :, 1], blocks[1:, 1, :, 0] = imaginary[1:-1], -imaginary[1:-1]
    return blocks.reshape(circle // 2, 2 * inputs, 2 * outputs)
