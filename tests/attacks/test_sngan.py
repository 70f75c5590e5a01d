"""The attack that fits an SNGAN to what a service drew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from training_factory import equal

from gexbench.attacks.sngan import SNGANAttack

from .drawing import NUMBERS, SNGAN, DrawingDoor, drawing_brief, light_of


def test_its_images_come_to_look_like_the_services(tmp_path: Path) -> None:
    bright = drawing_brief(tmp_path, {**SNGAN, **NUMBERS, "steps": 30})
    assert light_of(SNGANAttack().extract(DrawingDoor(20, light=0.9), bright)) > 0.7


def test_it_queries_the_whole_budget_and_no_more(tmp_path: Path) -> None:
    door = DrawingDoor(70)
    SNGANAttack().extract(door, drawing_brief(tmp_path, {**SNGAN, **NUMBERS}))
    assert door.remaining == 0


def test_the_seed_alone_decides_the_surrogate_which_is_the_generator(tmp_path: Path) -> None:
    brief = drawing_brief(tmp_path / "a", {**SNGAN, **NUMBERS})
    first = SNGANAttack().extract(DrawingDoor(8), brief)
    assert equal(SNGANAttack().extract(DrawingDoor(8), replace(brief, workdir=tmp_path / "b")), first)
    assert not equal(SNGANAttack().extract(DrawingDoor(8), replace(brief, workdir=tmp_path / "c", seed=1)), first)
    assert (first.latent_size, first.training) == (8, False)
