"""Plain distillation of an image translation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_factory import equal

from gexbench.attacks.l1_resnet import L1ResNet
from gexbench.core.attack import Brief
from gexbench.errors import PlanError

from .translation import TranslationDoor, identity_error, translation_brief, unseen_error

OPTIONS: dict[str, Any] = {
    "blocks": 1,
    "skip": "none",
    "channels": 8,
    "steps": 150,
    "batch": 4,
    "patch": 16,
    "lr": 5e-3,
    "augment": ("flip",),
}


def brief(workdir: Path, **changes: Any) -> Brief:
    return translation_brief(workdir, **{**OPTIONS, "steps": 2, **changes})


def test_it_comes_closer_to_the_service_than_doing_nothing(tmp_path: Path) -> None:
    net = L1ResNet().extract(TranslationDoor(12), brief(tmp_path, steps=150))
    assert unseen_error(net) < 0.5 * identity_error()


def test_it_spends_the_whole_budget_on_different_images_of_the_pool(tmp_path: Path) -> None:
    door, here = TranslationDoor(12), brief(tmp_path)
    L1ResNet().extract(door, here)
    asked = {image.numpy().tobytes() for image in door.asked}
    assert door.remaining == 0
    assert len(asked) == 12
    assert asked <= {image.numpy().tobytes() for image in here.pool}


def test_the_seed_alone_decides_the_surrogate(tmp_path: Path) -> None:
    nets = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        here = replace(brief(tmp_path / folder, augment=("flip", "rotation", "cutout", "contrast")), seed=seed)
        nets.append(L1ResNet().extract(TranslationDoor(12), here))
    assert equal(nets[0], nets[1])
    assert not equal(nets[0], nets[2])


def test_first_weights_follow_the_seed(tmp_path: Path) -> None:
    briefs = [replace(brief(tmp_path / str(seed), lr=0.0), seed=seed) for seed in (0, 1)]
    one, other = (L1ResNet().extract(TranslationDoor(12), here) for here in briefs)
    assert not equal(one, other)


def test_the_surrogate_answers_in_range_at_other_sizes(tmp_path: Path) -> None:
    net = L1ResNet().extract(TranslationDoor(12), brief(tmp_path))
    made = net(torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(2))).detach()
    assert made.shape == (1, 3, 24, 32)
    assert not net.training
    assert 0.0 <= float(made.min()) < float(made.max()) <= 1.0


def test_crops_the_net_cannot_halve_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    door = TranslationDoor(12)
    with pytest.raises(PlanError, match="patch 18 of l1-resnet is no multiple of 4"):
        L1ResNet().extract(door, brief(tmp_path, patch=18))
    assert door.asked == []
