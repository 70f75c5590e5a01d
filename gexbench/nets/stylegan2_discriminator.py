"""The residual discriminator of StyleGAN2."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.equalised import EqualConv2d, EqualLinear
from gexbench.nets.resample import Smooth
from gexbench.nets.stylegan2 import GAIN, StyleGAN2Options

GROUP = 4


class StyleGAN2Discriminator(nn.Module):
    """Judge images: (N,3,side,side) in [0,1] to logits (N,1), above 0 for images taken to be real.

    How much the images of a batch differ, in groups of four, is part of what it judges, so a logit depends on its
    neighbours. options: as for the generator, of which it needs the side and the channels. 28,864,129 parameters at 256
    pixels, 29,012,513 at 1024. Works on [-1,1] inside. Raises ValueError on images of another side. Source: Karras,
    Laine, Aittala, Hellsten, Lehtinen and Aila 2020, section 4.1, appendix B (arXiv 1912.04958).
    """

    def __init__(self, options: StyleGAN2Options | None = None) -> None:
        super().__init__()
        options = options or StyleGAN2Options()
        widths = list(options.widths.values())
        self.side, self.config = options.side, asdict(options)
        self.from_rgb = EqualConv2d(3, widths[-1], 1)
        self.blocks = nn.Sequential(*(_Block(inputs, outputs) for inputs, outputs in pairwise(widths[::-1])))
        # Gains make up for a leaky ReLU before, which halves the variance.
        self.last = nn.Sequential(
            EqualConv2d(widths[0] + 1, widths[0], 3),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            EqualLinear(widths[0] * 4**2, widths[0], gain=GAIN),
            nn.LeakyReLU(0.2),
            EqualLinear(widths[0], 1, gain=GAIN),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        if x.shape[-2:] != (self.side, self.side):
            raise ValueError(f"sides must be {self.side}x{self.side}, got {x.shape[-2]}x{x.shape[-1]}")
        y = GAIN * F.leaky_relu(self.from_rgb(2.0 * x - 1.0), 0.2)
        logits: Tensor = self.last(with_group_deviation(self.blocks(y)))
        return logits


class _Block(nn.Module):
    """Halve the sides: (N,inputs,2h,2w) to (N,outputs,h,w).

    The two branches are added and divided by sqrt(2), which the gains of a leaky ReLU and of the skip already hold.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = EqualConv2d(inputs, inputs, 3)
        self.second = nn.Sequential(Smooth(margin=2), EqualConv2d(inputs, outputs, 3, stride=2, gain=GAIN))
        self.skip = nn.Sequential(
            Smooth(margin=1, stride=2), EqualConv2d(inputs, outputs, 1, gain=1.0 / GAIN, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the features at the smaller side."""
        y = F.leaky_relu(self.second(F.leaky_relu(self.first(x), 0.2)), 0.2)
        out: Tensor = y + self.skip(x)
        return out


def with_group_deviation(x: Tensor) -> Tensor:
    """Add one feature map to (N,C,h,w): the standard deviation over four images, mean of all features and places.

    Groups are images that follow each other; a batch that four do not divide is one group. Source: Karras, Aila, Laine
    and Lehtinen 2018, section 3 (arXiv 1710.10196), whose groups are whole batches.
    """
    group = GROUP if len(x) % GROUP == 0 else len(x)
    deviation = (x.float().unflatten(0, (-1, group)).var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    maps = deviation.to(x.dtype).repeat_interleave(group).view(-1, 1, 1, 1)
    return torch.cat([x, maps.expand(-1, 1, *x.shape[2:])], dim=1)
