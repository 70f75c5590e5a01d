"""The style-transfer network whose styles differ in the weights of instance normalisation alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5


@dataclass(frozen=True)
class MultiStyleOptions:
    """The numbers of the network; the defaults are those of the 26 styles that are at hand.

    style: which one it paints. styles: how many it knows. channels: width of all layers but the last three. blocks:
    residual blocks. Raises ValueError on a style it does not know and on numbers below 1.
    """

    style: int = 19
    styles: int = 26
    channels: int = 32
    blocks: int = 6

    def __post_init__(self) -> None:
        if not 0 <= self.style < self.styles:
            raise ValueError(f"style {self.style} must be one of 0 to {self.styles - 1}")
        if min(self.channels, self.blocks) < 1:
            raise ValueError(f"channels {self.channels} and blocks {self.blocks} must be 1 or more")


class MultiStyle(nn.Module):
    """Repaint images in one style: (N,3,H,W) to the same, float32 RGB in [0,1], sides rounded up to multiples of 4.

    Sides must be 8 or more, for borders are reflected. Source: Dumoulin, Shlens and Kudlur 2017, A Learned
    Representation for Artistic Style (arXiv 1610.07629), table 1, in the small size of TensorFlow's Android demo.
    """

    def __init__(self, options: MultiStyleOptions | None = None) -> None:
        super().__init__()
        options = options or MultiStyleOptions()
        self.config = {"options": options}
        self.style, width, known = options.style, options.channels, options.styles
        self.contract = nn.ModuleList(_Layer(*sides, known) for sides in ((3, width, 9), *[(width, width, 3)] * 2))
        self.res = nn.ModuleList(
            nn.ModuleList(_Layer(width, width, 3, known) for _ in range(2)) for _ in range(options.blocks)
        )
        last = ((width, 8, 3), (8, 4, 3), (4, 3, 9))
        self.expand = nn.ModuleList(_Layer(*sides, known) for sides in last)

    def forward(self, x: Tensor) -> Tensor:
        """Return the repainted images."""
        for place, layer in enumerate(self.contract):
            x = layer(x, self.style, 2 if place else 1).relu()
        for block in self.res:
            first, second = block.children()
            x = x + second(first(x, self.style).relu(), self.style)
        for layer in list(self.expand)[:2]:
            x = layer(F.interpolate(x, scale_factor=2.0, mode="nearest"), self.style).relu()
        painted: Tensor = self.expand[2](x, self.style)
        return painted.sigmoid()


class _Layer(nn.Module):
    """A convolution without bias, borders reflected, and the normalisation of the style."""

    def __init__(self, inputs: int, outputs: int, side: int, styles: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.empty(outputs, inputs, side, side))
        nn.init.kaiming_normal_(self.w)
        self.norm = _StyleNorm(outputs, styles)

    def forward(self, x: Tensor, style: int, stride: int = 1) -> Tensor:
        around = self.w.shape[-1] // 2
        normed: Tensor = self.norm(F.conv2d(F.pad(x, [around] * 4, "reflect"), self.w, stride=stride), style)
        return normed


class _StyleNorm(nn.Module):
    """Instance normalisation whose scale and shift are those of a style."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(styles, channels))
        self.beta = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Tensor, style: int) -> Tensor:
        return F.instance_norm(x, weight=self.gamma[style], bias=self.beta[style], eps=EPSILON)
