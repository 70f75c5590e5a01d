"""The floor of image translation."""

from __future__ import annotations

from pathlib import Path

import torch

from gexbench.attacks.identity import IdentityControl

from .translation import TranslationDoor, translation_brief


def test_it_gives_back_its_input(tmp_path: Path) -> None:
    net = IdentityControl().extract(TranslationDoor(12), translation_brief(tmp_path))
    x = torch.rand(2, 3, 7, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(net(x), x)


def test_it_asks_nothing_and_has_no_weights(tmp_path: Path) -> None:
    door = TranslationDoor(12)
    net = IdentityControl().extract(door, translation_brief(tmp_path))
    assert not net.state_dict()
    assert door.asked == []
