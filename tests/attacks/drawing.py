"""A toy service that draws images of one colour, and what attacks on it are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from training_factory import brief_in

from gexbench.core.attack import Brief
from gexbench.core.images import round_8bit
from gexbench.core.oracle import Samples

SNGAN: dict[str, Any] = {"latent_size": 8, "channels": 4, "discriminator_channels": 4}
NUMBERS: dict[str, Any] = {"steps": 2, "batch": 4, "critics": 1, "lr": 1e-2, "average": 0.5}


def coloured(latents: Tensor, side: int, light: float = 0.5) -> Tensor:
    """Make of each latent an image of one colour, around `light`: (N,3,side,side), 8 bits."""
    colours = (light + 0.1 * torch.tanh(latents[:, :3])).clamp(0, 1)
    return round_8bit(colours[:, :, None, None].expand(-1, -1, side, side))


class DrawingDoor:
    """An oracle in this process that counts what it draws, and tells latents only where it should."""

    def __init__(self, budget: int, *, side: int = 32, light: float = 0.5, tells: bool = False) -> None:
        self.budget = self.remaining = budget
        self.side, self.light, self.tells = side, light, tells

    def query(self, x: Tensor) -> Tensor:
        """Refuse: this service takes no images."""
        raise AssertionError("this service draws")

    def sample(self, n: int) -> Samples:
        """Draw images, the same ones in each run."""
        assert n <= self.remaining
        first = self.budget - self.remaining
        self.remaining -= n
        latents = torch.stack([torch.randn(8, generator=torch.Generator().manual_seed(first + i)) for i in range(n)])
        return Samples(coloured(latents, self.side, self.light), latents if self.tells else None)


def drawing_brief(folder: Path, options: dict[str, Any], **fields: Any) -> Brief:
    """Return the brief of an attack on a service that draws."""
    return brief_in(folder, options=options, **fields)


def plain_images(count: int, light: float, side: int = 32) -> list[Tensor]:
    """Return images of one colour, each (3,side,side)."""
    return list(coloured(torch.randn(count, 8, generator=torch.Generator().manual_seed(99)), side, light))


def light_of(net: nn.Module) -> float:
    """Return how light a generator's images are, from 0 to 1."""
    with torch.no_grad():
        made: Tensor = net(torch.randn(16, 8, generator=torch.Generator().manual_seed(7)))
    return float(made.mean())
