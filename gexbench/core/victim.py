"""What a victim is, and how its owner makes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gexbench.core.attack import Progress


@dataclass(frozen=True)
class Studio:
    """Where a victim is trained: its owner's images, the card's numbers, and a folder for checkpoints.

    owner: the owner split, true images (3,H,W) float32 in [0,1]. style: the owner's style images, as many as there are,
    none in tasks without. net, options: the card's `[net]` and `[train]` tables. assets: paths of the weight files the
    card names under `assets`, by name. workdir survives a kill.
    """

    owner: Sequence[Tensor]
    style: Sequence[Tensor]
    scale: int
    net: Mapping[str, Any]
    options: Mapping[str, Any]
    assets: Mapping[str, Path]
    device: torch.device
    precision: str
    seed: int
    workdir: Path
    progress: Progress


class Victim(Protocol):
    """Build a victim's network from its card, and train it."""

    def build(self, options: Mapping[str, Any]) -> nn.Module:
        """Return the untrained network: (N,3,h,w) to (N,3,s*h,s*w), in [0,1]; options: the card's `[net]`.

        In tasks of sampling it takes standard normal latents (N,d), and its attribute `latent_size` is d.
        """
        ...

    def train(self, net: nn.Module, studio: Studio) -> nn.Module:
        """Train `net` on the owner's images and return it; goes on from checkpoints in `studio.workdir`."""
        ...
