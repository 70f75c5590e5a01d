"""Two nets that hide bits in images, and read them back."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CELL = 4
"""Pixels a side of the squares that bits are spread over."""
GAIN = 16.0
"""From a difference of squares to units of a bound of 16 in 255."""


class FingerprintEncoder(nn.Module):
    """Make what hides bits in images: (N,3,side,side) in [0,1] and (N,bits) of 0 and 1 to (N,3,side,side) in [-1,1].

    The bits' map is both shown to the layers, beside the image, and added to what they make, so that there is a mark
    from the first step on. Raises ValueError on sides that are no multiples of 8 and on no bits. Source: Yu, Skripniuk,
    Abdelnabi and Fritz 2021 (arXiv 2007.08457), section 3.2, in fewer layers; the sum is ours.
    """

    def __init__(self, bits: int, side: int, channels: int = 32) -> None:
        super().__init__()
        self.config = {"bits": bits, "side": side, "channels": channels}
        _check(bits, side)
        self.spread = nn.Linear(bits, 3 * (side // CELL) ** 2)
        self.down = nn.Conv2d(6, channels, 3, stride=2, padding=1)
        self.middle = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(6 + channels, 3, 3, padding=1)
        self._cells = side // CELL

    def forward(self, x: Tensor, bits: Tensor) -> Tensor:
        """Return what is to be added, in units of the bound."""
        spread = self.spread(2.0 * bits - 1.0).view(-1, 3, self._cells, self._cells)
        spread = F.interpolate(spread, size=x.shape[-2:])
        seen = torch.cat([2.0 * x - 1.0, spread], dim=1)
        inner = F.relu(self.middle(F.relu(self.down(seen))))
        made: Tensor = self.last(torch.cat([seen, F.interpolate(inner, size=x.shape[-2:])], dim=1))
        return torch.tanh(made + spread)


class FingerprintDecoder(nn.Module):
    """Read bits from images: (N,3,side,side) in [0,1] to logits (N,bits).

    Estimates the map that bits were spread to, from how squares of pixels differ from their neighbours and from what
    layers see, and reads the bits off it. Raises ValueError as the encoder. Source as there, but for the map.
    """

    def __init__(self, bits: int, side: int, channels: int = 32) -> None:
        super().__init__()
        self.config = {"bits": bits, "side": side, "channels": channels}
        _check(bits, side)
        self.layers = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 3, 3, padding=1),
        )
        self.readout = nn.Linear(3 * (side // CELL) ** 2, bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, positive for a one."""
        cells = F.avg_pool2d(x, CELL)
        around = F.avg_pool2d(F.pad(cells, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
        spread = GAIN * (cells - around) + self.layers(2.0 * x - 1.0)
        logits: Tensor = self.readout(spread.flatten(1))
        return logits

    @torch.no_grad()
    def begin_with(self, encoder: FingerprintEncoder) -> None:
        """Read bits off the map as that encoder spreads them, which is a start and better than a random one."""
        weights = encoder.spread.weight.T
        self.readout.weight.copy_(weights * (4.0 / weights.square().sum(dim=1, keepdim=True)))


def _check(bits: int, side: int) -> None:
    if bits < 1 or side < 8 or side % 8:
        raise ValueError(f"bits {bits} must be 1 or more, side {side} a multiple of 8")
