"""The residual generator of CycleGAN."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

WITHIN = 0.98


@dataclass(frozen=True)
class ResNetGeneratorOptions:
    """The numbers of the generator; the defaults are the paper's for images of 256 pixels, 11,378,179 parameters.

    blocks: residual blocks. channels: width after the first convolution, doubled at each of two halvings. skip: "none"
    as published, or "input": learn what is to be added to the input, before the last squashing, which short trainings
    need. Raises ValueError on numbers below 1 and on another skip.
    """

    blocks: int = 9
    channels: int = 64
    skip: str = "none"

    def __post_init__(self) -> None:
        if self.skip not in ("none", "input"):
            raise ValueError(f"skip {self.skip!r} must be 'none' or 'input'")
        if min(self.blocks, self.channels) < 1:
            raise ValueError(f"blocks {self.blocks} and channels {self.channels} must be 1 or more")


class ResNetGenerator(nn.Module):
    """Translate images: (N,3,H,W) to the same shape, float32 RGB in [0,1], sides multiples of 4.

    Works on [-1,1] inside. Instance normalisation without weights, borders reflected. Raises ValueError on other sides.
    Source: Zhu, Park, Isola and Efros 2017, section 7.2; Johnson, Alahi and Fei-Fei 2016.
    """

    def __init__(self, options: ResNetGeneratorOptions | None = None) -> None:
        super().__init__()
        options = options or ResNetGeneratorOptions()
        self.config = {"options": options}
        width = options.channels
        self._skip = options.skip == "input"
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_normed(nn.Conv2d(3, width, 7), width),
            *_normed(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), 2 * width),
            *_normed(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), 4 * width),
            *(ReflectedBlock(4 * width) for _ in range(options.blocks)),
            *_normed(_enlarging(4 * width, 2 * width), 2 * width),
            *_normed(_enlarging(2 * width, width), width),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the translated images."""
        if x.shape[-2] % 4 or x.shape[-1] % 4:
            raise ValueError(f"sides must be multiples of 4, got {x.shape[-2]}x{x.shape[-1]}")
        return squashed(self.layers(2.0 * x - 1.0), x if self._skip else None)


def squashed(made: Tensor, x: Tensor | None) -> Tensor:
    """Return images in [0,1] from a generator's last values, added to what gives images x in [0,1] if there are any.

    tanh never reaches its ends, so black and white of x come back a little grey.
    """
    before = 0.0 if x is None else torch.atanh(WITHIN * (2.0 * x.float() - 1.0))
    return (torch.tanh(before + made) + 1.0) / 2.0


class ReflectedBlock(nn.Module):
    """Two 3x3 convolutions with reflected borders, added to the input: (N,C,h,w) to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3) for _ in range(2))
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normed(first, channels),
            nn.ReflectionPad2d(1),
            second,
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus what the block adds."""
        out: Tensor = x + self.layers(x)
        return out


def _normed(layer: nn.Module, channels: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    return layer, nn.InstanceNorm2d(channels), nn.ReLU()


def _enlarging(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
