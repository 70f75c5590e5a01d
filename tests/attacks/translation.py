"""A toy translation service behind a counting door, and the brief of an attack on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from training_factory import brief_in

from gexbench.core.attack import Brief
from gexbench.core.images import round_8bit

from .conftest import Door, photos

MATRIX = torch.tensor([[0.7, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 0.4]])
OFFSET = torch.tensor([0.1, 0.0, 0.3])


def recoloured(x: Tensor) -> Tensor:
    """Mix the channels; in range, not rounded."""
    return torch.einsum("ij,njhw->nihw", MATRIX, x) + OFFSET.view(3, 1, 1)


def translated(x: Tensor) -> Tensor:
    """Mix the channels and soften: (N,3,h,w) to the same shape, 8 bits."""
    mixed = recoloured(x)
    blurred = F.avg_pool2d(F.pad(mixed, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return round_8bit(0.5 * (mixed + blurred))


class TranslationDoor(Door):
    """An oracle whose answers are as large as the questions."""

    def query(self, x: Tensor) -> Tensor:
        """Answer a batch or refuse it whole."""
        super().query(x)
        return translated(x)


def translation_brief(workdir: Path, **options: Any) -> Brief:
    """A pool of twenty photos, a budget of twelve questions."""
    return brief_in(workdir, pool=photos(20, 0), options=options)


def unseen_error(net: nn.Module) -> float:
    """Return the mean squared difference to the service on photos that no attack has."""
    x = torch.stack(photos(8, 1))
    return float((net(x).detach() - translated(x)).square().mean())


def identity_error() -> float:
    """Return the same for the answer that changes nothing."""
    return unseen_error(nn.Identity())
