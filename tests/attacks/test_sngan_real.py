"""The control that has the victim's data."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_factory import equal

from gexbench.attacks.sngan import SNGANAttack
from gexbench.attacks.sngan_real import SNGANReal
from gexbench.errors import PlanError

from .drawing import NUMBERS, SNGAN, DrawingDoor, drawing_brief


def test_it_queries_nothing_and_is_the_attack_where_all_images_are_real(tmp_path: Path) -> None:
    real = list(DrawingDoor(9).sample(9).images)
    door = DrawingDoor(9)
    control = SNGANReal().extract(door, drawing_brief(tmp_path / "a", {**SNGAN, **NUMBERS}, truth=real))
    assert door.remaining == 9
    assert equal(control, SNGANAttack().extract(door, drawing_brief(tmp_path / "b", {**SNGAN, **NUMBERS})))


def test_without_the_truth_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="sngan-real needs the owner's images"):
        SNGANReal().extract(DrawingDoor(9), drawing_brief(tmp_path, {**SNGAN, **NUMBERS}))
