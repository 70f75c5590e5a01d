"""Nets that hide bits, or a logo, in images, and read them back."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CELL = 4
"""Pixels a side of the squares that a map of what is hidden is made of."""
GAIN = 16.0
"""From differences of squares to units of a bound of 16 in 255."""


class MapEmbedder(nn.Module):
    """Make what hides a map in images: (N,3,side,side) in [0,1] and (N,3,side/4,side/4) to (N,3,side,side) in [-1,1].

    The map is both shown to the layers, beside the image, and added to what they make, so that there is a mark from the
    first step on.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.config = {"channels": channels}
        self.down = nn.Conv2d(6, channels, 3, stride=2, padding=1)
        self.middle = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(6 + channels, 3, 3, padding=1)

    def forward(self, x: Tensor, cells: Tensor) -> Tensor:
        """Return what is to be added, in units of the bound."""
        large = F.interpolate(cells, size=x.shape[-2:])
        seen = torch.cat([2.0 * x - 1.0, large], dim=1)
        inner = F.relu(self.middle(F.relu(self.down(seen))))
        made: Tensor = self.last(torch.cat([seen, F.interpolate(inner, size=x.shape[-2:])], dim=1))
        return torch.tanh(made + large)


class MapExtractor(nn.Module):
    """Estimate the map that is hidden in images: (N,3,side,side) in [0,1] to (N,3,side/4,side/4).

    From how squares of pixels differ from their neighbours, and from what layers see.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.config = {"channels": channels}
        self.layers = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 3, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the map, of any size."""
        cells = F.avg_pool2d(x, CELL)
        around = F.avg_pool2d(F.pad(cells, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
        seen: Tensor = self.layers(2.0 * x - 1.0)
        return GAIN * (cells - around) + seen


class FingerprintEncoder(nn.Module):
    """Make what hides bits in images: (N,3,side,side) in [0,1] and (N,bits) of 0 and 1 to (N,3,side,side) in [-1,1].

    Raises ValueError on sides that are no multiples of 4, or below 8, and on no bits. Source: Yu, Skripniuk, Abdelnabi
    and Fritz 2021 (arXiv 2007.08457), section 3.2, in fewer layers.
    """

    def __init__(self, bits: int, side: int) -> None:
        super().__init__()
        self.config = {"bits": bits, "side": side}
        _check(bits, side)
        self.spread = nn.Linear(bits, 3 * (side // CELL) ** 2)
        self.embedder = MapEmbedder()
        self._cells = side // CELL

    def forward(self, x: Tensor, bits: Tensor) -> Tensor:
        """Return what is to be added, in units of the bound."""
        made: Tensor = self.embedder(x, self.spread(2.0 * bits - 1.0).view(-1, 3, self._cells, self._cells))
        return made


class FingerprintDecoder(nn.Module):
    """Read bits from images: (N,3,side,side) in [0,1] to logits (N,bits); raises and source as FingerprintEncoder."""

    def __init__(self, bits: int, side: int) -> None:
        super().__init__()
        self.config = {"bits": bits, "side": side}
        _check(bits, side)
        self.extractor = MapExtractor()
        self.readout = nn.Linear(3 * (side // CELL) ** 2, bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, positive for a one."""
        logits: Tensor = self.readout(self.extractor(x).flatten(1))
        return logits

    @torch.no_grad()
    def begin_with(self, encoder: FingerprintEncoder) -> None:
        """Read bits off the map as that encoder spreads them, which is a start and better than a random one."""
        weights = encoder.spread.weight.T
        self.readout.weight.copy_(weights * (4.0 / weights.square().sum(dim=1, keepdim=True)))


class LogoEmbedder(nn.Module):
    """Make what hides a logo in images: (N,3,side,side) in [0,1] and (N,1,side/4,side/4) of 0 and 1 to [-1,1].

    Source: Zhang, Chen, Liao, Fang, Zhang, Zhou, Cui and Yu 2020 (arXiv 2002.11088), section 3.2, in fewer layers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.config: dict[str, int] = {}
        self.embedder = MapEmbedder()

    def forward(self, x: Tensor, logo: Tensor) -> Tensor:
        """Return what is to be added, in units of the bound."""
        made: Tensor = self.embedder(x, (logo - 0.5).expand(-1, 3, -1, -1))
        return made


class LogoExtractor(nn.Module):
    """Read a logo from images: (N,3,side,side) in [0,1] to (N,1,side/4,side/4), about -1 and 1, or 0 without one.

    Source as LogoEmbedder.
    """

    def __init__(self) -> None:
        super().__init__()
        self.config: dict[str, int] = {}
        self.extractor = MapExtractor()

    def forward(self, x: Tensor) -> Tensor:
        """Return the logo as it is read."""
        found: Tensor = self.extractor(x).mean(dim=1, keepdim=True)
        return found


def _check(bits: int, side: int) -> None:
    if bits < 1 or side < 8 or side % CELL:
        raise ValueError(f"bits {bits} must be 1 or more, side {side} a multiple of {CELL} and 8 or more")
