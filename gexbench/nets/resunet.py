"""A U-Net with residual blocks inside: what a short training of unpaired translation needs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class ResUNetOptions:
    """The numbers of the generator.

    channels: width at the full sides, doubled at each of `depth` halvings up to eight times. blocks: residual blocks at
    the smallest sides. Raises ValueError on numbers below 1.
    """

    channels: int = 24
    depth: int = 3
    blocks: int = 2

    def __post_init__(self) -> None:
        if min(self.channels, self.depth, self.blocks) < 1:
            raise ValueError(f"channels {self.channels}, depth {self.depth}, blocks {self.blocks} must be 1 or more")


class ResUNet(nn.Module):
    """Translate images: (N,3,H,W) to the same shape, float32 RGB in [0,1].

    Sides must be multiples of 2^depth, at least twice that. Like CycleGAN's generator it halves the sides, works there
    with residual blocks and doubles them again, with three differences: features skip to the way up at all sides, the
    full ones too; pixels are repeated and then convolved, which leaves no chequered pattern; nothing is normalised at
    the full sides, so that each image keeps its brightness and contrast. Works on [-1,1] inside. Raises ValueError on
    other sides. Source: Ronneberger, Fischer and Brox 2015 for the skips; Zhu, Park, Isola and Efros 2017, section 7.2,
    for the rest; put together here.
    """

    def __init__(self, options: ResUNetOptions | None = None) -> None:
        super().__init__()
        options = options or ResUNetOptions()
        self.config = {"options": options}
        widths = [options.channels * min(2**level, 8) for level in range(options.depth + 1)]
        self.first = _mirrored(3, widths[0], 5)
        self.down = nn.ModuleList(_normed(_mirrored(a, b, 4, stride=2), b) for a, b in pairwise(widths))
        self.blocks = nn.ModuleList(_Block(widths[-1]) for _ in range(options.blocks))
        self.up = nn.ModuleList(_normed(_mirrored(a + b, a, 3), a) for a, b in pairwise(widths[1:]))
        self.last = nn.Sequential(
            nn.LeakyReLU(0.2),
            _mirrored(widths[1] + widths[0], widths[0], 3),
            nn.LeakyReLU(0.2),
            _mirrored(widths[0], 3, 5),
        )
        self._factor = 2**options.depth

    def forward(self, x: Tensor) -> Tensor:
        """Return the translated images."""
        height, width = x.shape[-2:]
        if height % self._factor or width % self._factor or min(height, width) < 2 * self._factor:
            least = 2 * self._factor
            raise ValueError(f"sides must be multiples of {self._factor} from {least} on, got {height}x{width}")
        y = self.first(2.0 * x - 1.0)
        held: list[Tensor] = []
        for down in self.down:
            held.append(y)
            y = down(y)
        for block in self.blocks:
            y = block(y)
        for up in (*reversed(self.up), self.last):
            y = up(torch.cat([F.interpolate(y, scale_factor=2), held.pop()], dim=1))
        return (torch.tanh(y) + 1.0) / 2.0


class _Block(nn.Module):
    """Two convolutions, added to the input: (N,C,h,w) to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_normed(_mirrored(channels, channels, 3), channels) for _ in range(2)))

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus what the block adds."""
        out: Tensor = x + self.layers(x)
        return out


def _normed(layer: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.LeakyReLU(0.2), layer, nn.InstanceNorm2d(channels, affine=True))


def _mirrored(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    padding = (kernel - 1) // 2
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, padding_mode="reflect")
