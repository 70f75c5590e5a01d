"""SRResNet, the generator of SRGAN."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class SRResNetOptions:
    """The numbers of an SRResNet; the defaults are the paper's, 1,549,462 parameters.

    blocks: residual blocks. channels: width of all hidden layers. kernel: odd side of the first and last convolution in
    pixels. batch_norm: as in the paper; small nets train better without. skip: "none" as in the paper, or "bicubic",
    which adds the bicubically enlarged input to the output, so that a short training starts where bicubic ends; this
    is a change from the paper. scale: output side over input side, a power of two. Raises ValueError on other numbers.
    """

    blocks: int = 16
    channels: int = 64
    kernel: int = 9
    batch_norm: bool = True
    skip: str = "none"
    scale: int = 4

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel {self.kernel} must be odd")
        if self.skip not in ("none", "bicubic"):
            raise ValueError(f"skip {self.skip!r} must be 'none' or 'bicubic'")
        if self.scale < 2 or self.scale & (self.scale - 1):
            raise ValueError(f"scale {self.scale} must be a power of two, 2 or more")


class ResidualBlock(nn.Module):
    """Convolution, PReLU, convolution, added to the input: (N,C,h,w) to the same shape."""

    def __init__(self, channels: int, batch_norm: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, channels, 3, padding=1), nn.PReLU()]
        layers.append(nn.Conv2d(channels, channels, 3, padding=1))
        if batch_norm:
            layers.insert(1, nn.BatchNorm2d(channels))
            layers.append(nn.BatchNorm2d(channels))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus what the block adds."""
        out: Tensor = x + self.layers(x)
        return out


class SRResNet(nn.Module):
    """Enlarge images: (N,3,h,w) to (N,3,s*h,s*w), float32 RGB in [0,1].

    In training mode the output is not clamped, so that gradients reach pixels outside [0,1]; in evaluation mode it is.
    Source: Ledig et al. 2017 (arXiv 1609.04802), section 2.1 and figure 4; images in [0,1] at both ends.
    """

    def __init__(self, options: SRResNetOptions) -> None:
        super().__init__()
        self.options = options
        self.config = {"options": options}
        width, side = options.channels, options.kernel
        self.head = nn.Sequential(nn.Conv2d(3, width, side, padding=side // 2), nn.PReLU())
        body: list[nn.Module] = [ResidualBlock(width, options.batch_norm) for _ in range(options.blocks)]
        body.append(nn.Conv2d(width, width, 3, padding=1))
        if options.batch_norm:
            body.append(nn.BatchNorm2d(width))
        self.body = nn.Sequential(*body)
        self.enlarge = nn.Sequential(*(layer for _ in range(int(math.log2(options.scale))) for layer in _double(width)))
        self.tail = nn.Conv2d(width, 3, side, padding=side // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged images."""
        features = self.head(x)
        out: Tensor = self.tail(self.enlarge(features + self.body(features))).float()
        if self.options.skip == "bicubic":
            out = out + _bicubic(x, self.options.scale)
        return out if self.training else out.clamp(0.0, 1.0)


def _double(width: int) -> list[nn.Module]:
    return [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]


def _bicubic(x: Tensor, scale: int) -> Tensor:
    # antialias picks the cubic with a = -0.5 (Keys), not torch's default -0.75
    with torch.autocast(x.device.type, enabled=False):
        return F.interpolate(x.float(), scale_factor=scale, mode="bicubic", antialias=True)
