"""A toy service that any short training can learn, and where trainings run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from training_factory import context_in

from gexbench.core.images import to_uint8, upscale
from gexbench.training.loop import TrainingContext
from gexbench.training.patches import Pairs


def _service(x: Tensor) -> Tensor:
    """Enlarge by 4, sharper than bicubic and a little darker."""
    blurred = F.avg_pool2d(F.pad(x[None], (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    return upscale((x + 0.8 * (x - blurred)).clamp(0, 1), 4).clamp(0, 1) * 0.9


def _photos(count: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(count, 3, 8, 8, generator=generator)
    return list(F.interpolate(noise, size=(16, 20), mode="nearest"))


@pytest.fixture
def pairs() -> Pairs:
    """Questions and answers to learn from."""
    photos = _photos(12, 0)
    return Pairs([to_uint8(x) for x in photos], [to_uint8(_service(x)) for x in photos], 4)


@pytest.fixture
def unseen() -> tuple[Tensor, Tensor]:
    """Questions and answers to be judged by: (4,3,16,20) and (4,3,64,80)."""
    photos = _photos(4, 1)
    return torch.stack(photos), torch.stack([_service(x) for x in photos])


@pytest.fixture
def context(tmp_path: Path) -> TrainingContext:
    """A CPU and an empty folder."""
    return context_in(tmp_path)
