"""A toy service behind a counting door, and the brief of an attack on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from training_factory import brief_in

from gexbench.core.attack import Brief
from gexbench.core.images import round_8bit, upscale
from gexbench.errors import BudgetError


def service(x: Tensor) -> Tensor:
    """Enlarge by 4, sharper than bicubic and a little darker; 8 bits."""
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return round_8bit(upscale((x + 0.8 * (x - blurred)).clamp(0, 1), 4).clamp(0, 1) * 0.9)


def photos(count: int, seed: int) -> list[Tensor]:
    """Pictures of coarse blocks, each (3,16,20), 8 bits."""
    noise = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return list(round_8bit(F.interpolate(noise, size=(16, 20), mode="nearest")))


class Door:
    """An oracle in this process that remembers every question."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.remaining = budget
        self.asked: list[Tensor] = []
        self.batches: list[int] = []

    def query(self, x: Tensor) -> Tensor:
        """Answer a batch or refuse it whole."""
        if len(x) > self.remaining:
            raise BudgetError(f"{len(x)} asked, {self.remaining} left")
        self.remaining -= len(x)
        self.asked += list(x)
        self.batches.append(len(x))
        return service(x)


@pytest.fixture
def door() -> Door:
    """A service that answers twelve questions."""
    return Door(12)


@pytest.fixture
def brief(tmp_path: Path) -> Brief:
    """A pool of twenty photos and numbers for a short training."""
    numbers = {"blocks": 1, "channels": 8, "kernel": 3, "batch_norm": False, "skip": "bicubic"}
    plan = {"steps": 150, "batch": 4, "patch": 12, "lr": 5e-3, "loss": "l1", "augment": ("flip",)}
    return brief_in(tmp_path, pool=photos(20, 0), scale=4, options={**numbers, **plan})


@pytest.fixture
def unseen() -> tuple[Tensor, Tensor]:
    """Questions never asked, (4,3,16,20), and what the service would say, (4,3,64,80)."""
    x = torch.stack(photos(4, 1))
    return x, service(x)
