"""The attack that trains a conditional GAN on answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from training_factory import equal

from gexbench.attacks.pix2pix import Pix2Pix
from gexbench.core.attack import Brief

from .translation import TranslationDoor, identity_error, translation_brief, unseen_error

OPTIONS: dict[str, Any] = {
    "depth": 2,
    "channels": 8,
    "dropout": 0.0,
    "discriminator_channels": 4,
    "steps": 5,
    "batch": 4,
    "crop": 24,
    "lr": 2e-3,
    "l1_weight": 100.0,
    "augment": (),
}


def brief(workdir: Path, **changes: Any) -> Brief:
    return translation_brief(workdir, **{**OPTIONS, **changes})


def test_it_comes_closer_than_the_identity_on_photos_it_never_asked_about(tmp_path: Path) -> None:
    net = Pix2Pix().extract(TranslationDoor(12), brief(tmp_path, steps=150))
    assert unseen_error(net) < 0.2 * identity_error()


def test_it_asks_the_whole_budget_and_each_photo_once(tmp_path: Path) -> None:
    door = TranslationDoor(12)
    Pix2Pix().extract(door, brief(tmp_path))
    assert door.remaining == 0
    assert len({image.numpy().tobytes() for image in door.asked}) == 12


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    one, other = (Pix2Pix().extract(TranslationDoor(12), brief(tmp_path / name)) for name in "ab")
    assert equal(one, other)


def test_every_augmentation_of_the_card_is_taken(tmp_path: Path) -> None:
    changed = ("flip", "rotation", "cutout", "contrast")
    plain = Pix2Pix().extract(TranslationDoor(12), brief(tmp_path / "a"))
    augmented = Pix2Pix().extract(TranslationDoor(12), brief(tmp_path / "b", augment=changed))
    assert not equal(plain, augmented)


def test_the_surrogate_answers_in_range(tmp_path: Path) -> None:
    net = Pix2Pix().extract(TranslationDoor(12), brief(tmp_path))
    made = net(torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(2))).detach()
    assert made.shape == (1, 3, 24, 32)
    assert not net.training
    assert 0.0 <= float(made.min()) < float(made.max()) <= 1.0
