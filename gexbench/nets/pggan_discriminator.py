"""The discriminator of PGGAN, which grows with the generator."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.equalised import EqualConv2d, EqualLinear
from gexbench.nets.pggan import GAIN, Growing, PGGANOptions


class PGGANDiscriminator(Growing):
    """Judge images: (N,3,grown,grown) in [0,1] to logits (N,1), above 0 for images taken to be real.

    How much the images of a batch differ is part of what it judges, so a logit depends on the whole batch. Works on
    [-1,1] inside. 23,087,249 parameters at 1024 pixels, 23,077,137 without the colours of the smaller sides. Raises
    ValueError on images of another side. Source: Karras, Aila, Laine and Lehtinen 2018, sections 2 to 4, table 2
    (arXiv 1710.10196).
    """

    def __init__(self, options: PGGANOptions | None = None) -> None:
        options = options or PGGANOptions()
        super().__init__(options.side)
        self.config = asdict(options)
        widths = options.widths
        self.from_rgb = nn.ModuleList(EqualConv2d(3, width, 1, gain=GAIN) for width in widths)
        self.blocks = nn.ModuleList(_DownBlock(inputs, outputs) for outputs, inputs in pairwise(widths))
        self.last = nn.Sequential(
            EqualConv2d(widths[0] + 1, widths[0], 3, gain=GAIN),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            EqualLinear(widths[0] * 4**2, widths[0], gain=GAIN),
            nn.LeakyReLU(0.2),
            EqualLinear(widths[0], 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        if x.shape[-2:] != (self.grown, self.grown):
            raise ValueError(f"sides must be {self.grown}x{self.grown}, got {x.shape[-2]}x{x.shape[-1]}")
        x = 2.0 * x - 1.0
        y = self._seen(x, self.level)
        for level in range(self.level, 0, -1):
            y = self.blocks[level - 1](y)
            if level == self.level and self.blend < 1.0:
                y = self._seen(F.avg_pool2d(x, 2), level - 1).lerp(y, self.blend)
        logits: Tensor = self.last(with_deviation(y))
        return logits

    def _seen(self, x: Tensor, level: int) -> Tensor:
        return F.leaky_relu(self.from_rgb[level](x), 0.2)


class _DownBlock(nn.Module):
    """Halve the sides: (N,inputs,2h,2w) to (N,outputs,h,w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = EqualConv2d(inputs, inputs, 3, gain=GAIN), EqualConv2d(inputs, outputs, 3, gain=GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features at the smaller side."""
        y = F.leaky_relu(self.first(x), 0.2)
        return F.avg_pool2d(F.leaky_relu(self.second(y), 0.2), 2)


def with_deviation(x: Tensor) -> Tensor:
    """Add one feature map to (N,C,h,w): the standard deviation over the batch, mean of all features and places.

    Source: section 3.
    """
    deviation = (x.float().var(dim=0, correction=0) + 1e-8).sqrt().mean().to(x.dtype)
    return torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], dim=1)
