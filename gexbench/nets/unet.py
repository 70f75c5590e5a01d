"""The U-Net generator of Pix2Pix."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class UNetOptions:
    """The numbers of a U-Net; the defaults are the paper's for 256 pixels, 54,413,955 parameters.

    depth: how often the sides are halved, so that they must be multiples of 2^depth. channels: width after the first
    halving, doubled up to eight times that. dropout: share of values dropped in up to three of the inner layers on the
    way up, while training. norm: "batch", or "instance": each image by its own statistics, which is what the paper's
    batch norm comes to, since it is trained one image at a time and takes the statistics of the image it is tested on.
    Raises ValueError on a depth below 2, a share outside [0,1), and another norm.
    """

    depth: int = 8
    channels: int = 64
    dropout: float = 0.5
    norm: str = "batch"

    def __post_init__(self) -> None:
        if self.norm not in ("batch", "instance"):
            raise ValueError(f"norm {self.norm!r} must be 'batch' or 'instance'")
        if self.depth < 2 or self.channels < 1:
            raise ValueError(f"depth {self.depth} must be 2 or more, channels {self.channels} 1 or more")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout {self.dropout} must be in [0,1)")


class UNet(nn.Module):
    """Translate images: (N,3,H,W) to the same shape, float32 RGB in [0,1].

    Works on [-1,1] inside. Raises ValueError on sides that are no multiples of 2^depth. Source: Isola, Zhu, Zhou and
    Efros 2017, section 6.1.1.
    """

    def __init__(self, options: UNetOptions | None = None) -> None:
        super().__init__()
        options = options or UNetOptions()
        self.config = {"options": options}
        widths = [options.channels * min(2**level, 8) for level in range(options.depth)]
        self.down = nn.ModuleList(
            _Down(
                3 if not level else widths[level - 1],
                widths[level],
                edge=level in (0, options.depth - 1),
                first=not level,
                norm=options.norm,
            )
            for level in range(options.depth)
        )
        self.up = nn.ModuleList()
        for level in reversed(range(options.depth)):
            inputs = widths[level] * (1 if level == options.depth - 1 else 2)
            dropout = options.dropout if 4 <= level < options.depth - 1 else 0.0
            self.up.append(_Up(inputs, widths[level - 1] if level else 3, not level, dropout, options.norm))
        self._factor = 2**options.depth

    def forward(self, x: Tensor) -> Tensor:
        """Return the translated images."""
        if x.shape[-2] % self._factor or x.shape[-1] % self._factor:
            raise ValueError(f"sides must be multiples of {self._factor}, got {x.shape[-2]}x{x.shape[-1]}")
        held: list[Tensor] = []
        y = 2.0 * x - 1.0
        for down in self.down:
            y = down(y)
            held.append(y)
        y = self.up[0](held.pop())
        for up in list(self.up)[1:]:
            y = up(torch.cat([held.pop(), y], dim=1))
        return (torch.tanh(y) + 1.0) / 2.0


class _Down(nn.Module):
    """Halve the sides."""

    def __init__(self, inputs: int, outputs: int, edge: bool, first: bool, norm: str) -> None:
        super().__init__()
        layers: list[nn.Module] = [] if first else [nn.LeakyReLU(0.2)]
        layers.append(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
        if not edge:
            layers.append(_norm(norm, outputs))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N,outputs,h/2,w/2)."""
        y: Tensor = self.layers(x)
        return y


class _Up(nn.Module):
    """Double the sides."""

    def __init__(self, inputs: int, outputs: int, last: bool, dropout: float, norm: str) -> None:
        super().__init__()
        up = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=last)
        layers: list[nn.Module] = [nn.ReLU(), up]
        if not last:
            layers.append(_norm(norm, outputs))
        if dropout:
            layers.append(nn.Dropout(dropout))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N,outputs,2h,2w)."""
        y: Tensor = self.layers(x)
        return y


def _norm(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels, affine=True)
