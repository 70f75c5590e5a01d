"""What a mark's owner and clients do in tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_factory import quiet

from gexbench.cards.catalog import Catalog
from gexbench.cards.options import effective
from gexbench.cards.schema import DefenseCard
from gexbench.core.defense import Defense, History, Place, Trial
from gexbench.errors import PlanError


def key_of(number: int) -> bytes:
    """Return a key."""
    return hashlib.sha256(f"key {number}".encode()).digest()


def scenes(count: int, height: int = 32, width: int = 32, seed: int = 0) -> list[Tensor]:
    """Return smooth images (3,height,width) in [0,1], away from its ends."""
    noise = torch.rand(count, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    large = torch.nn.functional.interpolate(noise, size=(height, width), mode="bicubic", align_corners=True)
    return list((0.2 + 0.6 * large).clamp(0.05, 0.95))


def guarded(defense: Defense, questions: Sequence[Tensor], answers: Sequence[Tensor]) -> list[Tensor]:
    """Return what leaves, an image a question."""
    history = History(0, torch.Generator().manual_seed(0))
    pairs = zip(questions, answers, strict=True)
    return [defense.guard_output(x[None], y[None], history)[0] for x, y in pairs]


def noisy(images: Sequence[Tensor], sigma: float, seed: int) -> list[Tensor]:
    """Return what somebody makes of images who makes mistakes of their own."""
    generator = torch.Generator().manual_seed(seed)
    return [(image + sigma * torch.randn(image.shape, generator=generator)).clamp(0, 1) for image in images]


def trial_of(images: Sequence[Tensor]) -> Trial:
    """Return a trial on a service whose plain answers are the questions."""
    return Trial(images, images)


def options_of(card: str, *given: str, profile: str = "") -> Mapping[str, Any]:
    """Return a shipped card's options, with what is `given` as on the command line."""
    found = Catalog.load(()).get(DefenseCard, card)
    return effective(found.options, found.profile.get(profile, {}), given, card)


def refuses(card: str, *given: str) -> None:
    """Require each option given to be refused alone, by its name and with its bounds."""
    for each in given:
        with pytest.raises(PlanError, match=rf"^option {each.partition('=')[0]!r} of {card} lies from"):
            options_of(card, each)


def place_in(folder: Path, **fields: Any) -> Place:
    """Return a place of seed 0 on the CPU for a service that keeps the size."""
    usual: dict[str, Any] = {"style": (), "scale": 1, "assets": {}, "device": torch.device("cpu"), "precision": "fp32"}
    return Place(**{**usual, "seed": 0, "workdir": folder, "progress": quiet, **fields})
