"""The residual generator of SNGAN."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)
GAIN = 2.0**0.5
WIDTHS = {32: (1, 1, 1, 1), 48: (8, 4, 2, 1), 64: (16, 8, 4, 2, 1)}


@dataclass(frozen=True)
class SNGANOptions:
    """The numbers of the generator; the defaults are the paper's for CIFAR-10, 4,276,739 parameters.

    side: 32, 48 or 64 pixels. channels: width of the last block; at 32 pixels all are as wide, at larger sides the
    width halves from block to block. The paper has 256 at 32 pixels, and 64 at 48 (4,878,083 parameters); the same
    authors have 64 at 64 pixels as well (12,220,675). latent_size: numbers an image is made from. Raises ValueError on
    other sides and on numbers below 1.
    """

    side: int = 32
    channels: int = 256
    latent_size: int = 128

    def __post_init__(self) -> None:
        if self.side not in WIDTHS:
            raise ValueError(f"side {self.side} must be one of {', '.join(map(str, WIDTHS))}")
        if min(self.channels, self.latent_size) < 1:
            raise ValueError(f"channels {self.channels} and latent_size {self.latent_size} must be 1 or more")


class SNGANGenerator(nn.Module):
    """Make images from latents: (N,latent_size), standard normal, to (N,3,side,side), float32 RGB in [0,1].

    Works on [-1,1] inside. Weights start as in the authors' code: Glorot's uniform distribution, times the root of 2 in
    the 3x3 convolutions of the blocks. Source: Miyato, Kataoka, Koyama and Yoshida 2018, appendix B.4, tables 4 and 5
    (arXiv 1802.05957); Miyato and Koyama 2018 for 64 pixels (arXiv 1802.05637).
    """

    def __init__(self, options: SNGANOptions | None = None) -> None:
        super().__init__()
        options = options or SNGANOptions()
        self.config = {"options": options}
        widths = [options.channels * width for width in WIDTHS[options.side]]
        self.latent_size = options.latent_size
        self._start = options.side // 2 ** (len(widths) - 1)
        self.dense = glorot(nn.Linear(options.latent_size, widths[0] * self._start**2))
        self.blocks = nn.Sequential(*(_UpBlock(inputs, outputs) for inputs, outputs in pairwise(widths)))
        self.last = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU(), glorot(nn.Conv2d(widths[-1], 3, 3, padding=1)))

    def forward(self, z: Tensor) -> Tensor:
        """Return the images."""
        y = self.dense(z).view(len(z), -1, self._start, self._start)
        return (torch.tanh(self.last(self.blocks(y))) + 1.0) / 2.0


class _UpBlock(nn.Module):
    """Double the sides: (N,inputs,h,w) to (N,outputs,2h,2w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)])
        self.first = glorot(nn.Conv2d(inputs, outputs, 3, padding=1), GAIN)
        self.second = glorot(nn.Conv2d(outputs, outputs, 3, padding=1), GAIN)
        self.skip = glorot(nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged input plus what the block adds."""
        before, between = self.norms
        y = doubled(F.relu(before(x)), self.first.weight, self.first.bias)
        y = self.second(F.relu(between(y)))
        # A 1x1 convolution gives the same before the enlargement as after it.
        out: Tensor = y + F.interpolate(self.skip(x), scale_factor=2)
        return out


def doubled(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return images enlarged by repeating each pixel, then convolved: (N,I,h,w) to (N,O,2h,2w).

    weight: (O,I,3,3), the border zeros. Computed on the small images with the 4x4 kernels that give the same sums, less
    than half the multiplications.
    """
    return F.conv_transpose2d(x, _merged(weight.flip(2, 3)).transpose(0, 1), bias, stride=2, padding=1)


def halved(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return images convolved, then averaged over squares of 2x2 pixels: (N,I,2h,2w) to (N,O,h,w).

    weight: (O,I,3,3), the border zeros. Computed in one step, as `doubled` is.
    """
    return F.conv2d(x, _merged(weight) / 4.0, bias, stride=2, padding=1)


def _merged(weight: Tensor) -> Tensor:
    """Return the sums (O,I,4,4) of 3x3 kernels at the four places of a 2x2 square."""
    wide = F.pad(weight, (1, 1, 1, 1))
    tall = wide[..., 1:] + wide[..., :-1]
    return tall[..., 1:, :] + tall[..., :-1, :]


def glorot(layer: Layer, gain: float = 1.0) -> Layer:
    """Return the layer, its weights drawn from Glorot's uniform distribution times `gain`, its biases 0."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
