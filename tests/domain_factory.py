"""Two small domains, dark photos and bright paintings, and short numbers for victims that translate between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from training_factory import studio_in

from gexbench.core.images import round_8bit
from gexbench.core.victim import Studio, Victim
from gexbench.victims.cyclegan import CycleGAN
from gexbench.victims.ugatit import UGATIT

NUMBERS: dict[str, Any] = {"crop": 24, "batch": 2, "steps": 4, "discriminator_channels": 4}
VICTIMS: dict[str, tuple[Victim, dict[str, Any], dict[str, Any]]] = {
    "cyclegan": (CycleGAN(), {"blocks": 1, "channels": 8}, {**NUMBERS, "lr": 2e-3, "pool": 3}),
    "ugatit": (
        UGATIT(),
        {"blocks": 1, "channels": 8, "light": True},
        {**NUMBERS, "crop": 16, "lr": 4e-3, "discriminator_layers": (3, 4)},
    ),
}
"""By name: the victim, the `[net]` and the `[train]` table of its card."""


def photos(count: int, seed: int) -> list[Tensor]:
    """Dark pictures of blocks, each (3,28,28)."""
    noise = torch.rand(count, 3, 7, 7, generator=torch.Generator().manual_seed(seed))
    return list(round_8bit(0.4 * F.interpolate(noise, size=(28, 28), mode="nearest")))


def paintings(count: int, seed: int) -> list[Tensor]:
    """Bright pictures of the same kind."""
    return [round_8bit(1.0 - image) for image in photos(count, seed)]


def studio_of(name: str, folder: Path, **numbers: Any) -> Studio:
    """Return the studio of a victim's owner; numbers: what the card says in addition about training."""
    _, net, options = VICTIMS[name]
    return studio_in(folder, owner=photos(8, 0), style=paintings(8, 1), net=net, options={**options, **numbers})


def train(name: str, studio: Studio) -> nn.Module:
    """Train a victim in a studio."""
    victim = VICTIMS[name][0]
    return victim.train(victim.build(studio.net), studio)


def first_losses(name: str, folder: Path, **numbers: Any) -> dict[str, float]:
    """Return the losses of a training's first step by name."""
    train(name, studio_of(name, folder, steps=1, **numbers))
    losses: dict[str, float] = json.loads((folder / f"{name}.losses.jsonl").read_text())
    return losses


def brightened(net: nn.Module) -> tuple[float, float]:
    """Return the mean of photos that no training saw, and of what a victim makes of them."""
    unseen = torch.stack(photos(4, 2))
    with torch.no_grad():
        return float(unseen.mean()), float(net(unseen).mean())
