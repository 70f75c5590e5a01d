"""The generator of PGGAN, which grows from 4 pixels to its full side while it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.equalised import EqualConv2d, EqualLinear
from gexbench.nets.sngan import doubled

GAIN = 2.0**0.5


@dataclass(frozen=True)
class PGGANOptions:
    """The numbers of both networks; the defaults are the paper's for 1024 pixels.

    side: a power of two, 4 or more. latent_size: numbers an image is made from. fmap_base, fmap_max: layers at side s
    have 2 * fmap_base / s feature maps, fmap_max at most. Raises ValueError on other sides, on numbers below 1, and on
    a base that leaves the largest side without feature maps.
    """

    side: int = 1024
    latent_size: int = 512
    fmap_base: int = 8192
    fmap_max: int = 512

    def __post_init__(self) -> None:
        if self.side < 4 or self.side & (self.side - 1):
            raise ValueError(f"side {self.side} must be a power of two, 4 or more")
        if min(self.latent_size, self.fmap_max) < 1:
            raise ValueError(f"latent_size {self.latent_size} and fmap_max {self.fmap_max} must be 1 or more")
        if 2 * self.fmap_base < self.side:
            raise ValueError(f"fmap_base {self.fmap_base} must be {self.side // 2} or more for side {self.side}")

    @property
    def widths(self) -> list[int]:
        """Feature maps at the sides 4, 8, ..., side."""
        sides = (2**exponent for exponent in range(2, self.side.bit_length()))
        return [min(2 * self.fmap_base // side, self.fmap_max) for side in sides]


class Growing(nn.Module):
    """A network that works at a smaller side at first, `grown`, its newest level in part, `blend`.

    Whoever trains it calls `grow` as the steps go by. Both numbers follow from the step and are not in the state dict,
    which always holds all levels: a network just built, or loaded, is full grown.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.grow(side)

    def grow(self, grown: int, blend: float = 1.0) -> None:
        """Set the side to a power of two up to the full one, and the share in [0,1] of its own level.

        The rest is the level below, images enlarged or shrunk. Raises ValueError on other numbers.
        """
        if not 4 <= grown <= self.side or grown & (grown - 1):
            raise ValueError(f"grown {grown} must be a power of two from 4 to {self.side}")
        if not 0.0 <= blend <= 1.0:
            raise ValueError(f"blend {blend} must be in [0,1]")
        self.grown, self.blend = grown, blend

    @property
    def level(self) -> int:
        """How often 4 pixels have been doubled."""
        return self.grown.bit_length() - 3


class PGGANGenerator(Growing):
    """Make images from latents: (N,latent_size), standard normal, to (N,3,grown,grown), float32 RGB.

    In [0,1]; while training, values may go beyond, there is no last squashing. Works on [-1,1] inside. 23,079,115
    parameters at 1024 pixels, 23,071,507 without the colours of the smaller sides. Source: Karras, Aila, Laine and
    Lehtinen 2018, sections 2 and 4, table 2 (arXiv 1710.10196).
    """

    def __init__(self, options: PGGANOptions | None = None) -> None:
        options = options or PGGANOptions()
        super().__init__(options.side)
        self.config = {"options": options}
        widths = options.widths
        self.latent_size = options.latent_size
        # The fan-in is that of the 4x4 convolution which the matrix stands for.
        self.dense = EqualLinear(options.latent_size, widths[0] * 4**2, bias=None, gain=GAIN / 4.0)
        self.bias = nn.Parameter(torch.zeros(widths[0], 1, 1))
        self.first = EqualConv2d(widths[0], widths[0], 3, gain=GAIN)
        self.blocks = nn.ModuleList(_UpBlock(inputs, outputs) for inputs, outputs in pairwise(widths))
        self.to_rgb = nn.ModuleList(EqualConv2d(width, 3, 1) for width in widths)

    def forward(self, z: Tensor) -> Tensor:
        """Return the images."""
        y = self.dense(pixel_norm(z)).view(len(z), -1, 4, 4) + self.bias
        y = below = _settled(self.first(_settled(y)))
        for block in list(self.blocks)[: self.level]:
            y, below = block(y), y
        image: Tensor = self.to_rgb[self.level](y)
        if self.level and self.blend < 1.0:
            image = F.interpolate(self.to_rgb[self.level - 1](below), scale_factor=2).lerp(image, self.blend)
        image = (image + 1.0) / 2.0
        return image if self.training else image.clamp(0.0, 1.0)


class _UpBlock(nn.Module):
    """Double the sides: (N,inputs,h,w) to (N,outputs,2h,2w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = (
            EqualConv2d(inputs, outputs, 3, gain=GAIN),
            EqualConv2d(outputs, outputs, 3, gain=GAIN),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the features at the larger side."""
        y = _settled(doubled(x, self.first.weight * self.first.scale, self.first.bias))
        return _settled(self.second(y))


def pixel_norm(x: Tensor) -> Tensor:
    """Return (N,C,...) with the mean square over the channels 1 at every place. Source: section 4.2."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8).to(x.dtype)


def _settled(x: Tensor) -> Tensor:
    return pixel_norm(F.leaky_relu(x, 0.2))
