"""The network of residual-in-residual dense blocks, ESRGAN's and Real-ESRGAN's generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEP = 0.2
"""The share of what a block makes that is added, and the slope of the activations below zero."""


@dataclass(frozen=True)
class RRDBOptions:
    """The numbers of the network; the defaults are those of Real-ESRGAN x4plus, 16,697,987 parameters.

    channels: width outside the dense blocks; growth: of what each convolution inside adds. blocks: of three dense
    blocks each. Raises ValueError on numbers below 1.
    """

    channels: int = 64
    growth: int = 32
    blocks: int = 23

    def __post_init__(self) -> None:
        if min(self.channels, self.growth, self.blocks) < 1:
            raise ValueError(
                f"channels {self.channels}, growth {self.growth} and blocks {self.blocks} must be 1 or more"
            )


class RRDBNet(nn.Module):
    """Enlarge images by 4: (N,3,h,w) to (N,3,4h,4w), float32 RGB in [0,1]; clamped in evaluation mode.

    Source: Wang et al. 2018, ESRGAN (arXiv 1809.00219), section 3.1, as the released code of Real-ESRGAN (arXiv
    2107.10833) has it.
    """

    def __init__(self, options: RRDBOptions | None = None) -> None:
        super().__init__()
        options = options or RRDBOptions()
        self.config = {"options": options}
        width = options.channels
        self.conv_first = _conv(3, width)
        self.body = nn.Sequential(*(_Block(width, options.growth) for _ in range(options.blocks)))
        self.conv_body, self.conv_up1, self.conv_up2, self.conv_hr = (_conv(width, width) for _ in range(4))
        self.conv_last = _conv(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged images."""
        x = self.conv_first(x)
        x = x + self.conv_body(self.body(x))
        for layer in (self.conv_up1, self.conv_up2):
            x = _active(layer(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        made: Tensor = self.conv_last(_active(self.conv_hr(x)))
        return made if self.training else made.clamp(0.0, 1.0)


class _Block(nn.Module):
    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (_Dense(channels, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return x + STEP * added


class _Dense(nn.Module):
    """Four convolutions that see all that was made before them, and a fifth that brings it together."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3, self.conv4 = (_conv(channels + k * growth, growth) for k in range(4))
        self.conv5 = _conv(channels + 4 * growth, channels)

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat([seen, _active(layer(seen))], 1)
        added: Tensor = self.conv5(seen)
        return x + STEP * added


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _active(x: Tensor) -> Tensor:
    return F.leaky_relu(x, STEP)
