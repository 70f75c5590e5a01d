"""What is stolen carried into a new domain, and the two controls beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from training_factory import equal

from gexbench.attacks import stylegan_transfer
from gexbench.attacks.stylegan_transfer import FinetuneVictim, FromScratch, StyleGANTransfer
from gexbench.errors import PlanError
from gexbench.nets.latent_gan import LatentGAN
from gexbench.training.stylegan2 import StyleGAN2Training, build_stylegan2

from .drawing import NUMBERS, DrawingDoor, drawing_brief, plain_images

NET: dict[str, Any] = {"latent_size": 8, "mapping_layers": 1, "channel_base": 64, "channel_max": 4}
OPTIONS: dict[str, Any] = {**NET, **NUMBERS, "r1": 1.0, "pool_steps": 3}
TUNING: dict[str, Any] = {name: OPTIONS[name] for name in ("batch", "critics", "lr", "average", "r1", "pool_steps")}


def victim() -> LatentGAN:
    return build_stylegan2({**NET, "side": 16}, seed=5).requires_grad_(False)


@pytest.fixture
def second_phase(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Name, steps and images of trainings on the new domain; none is done."""
    seen: list[tuple[str, int, int]] = []

    class Remembered(StyleGAN2Training):
        def fit(self, images: Sequence[Tensor]) -> None:
            seen.append((self.name, self.options.steps, len(images)))

    monkeypatch.setattr(stylegan_transfer, "StyleGAN2Training", Remembered)
    return seen


def test_it_spends_the_budget_and_goes_on_with_the_pool(
    tmp_path: Path, second_phase: list[tuple[str, int, int]]
) -> None:
    door = DrawingDoor(6, side=16)
    StyleGANTransfer().extract(door, drawing_brief(tmp_path, OPTIONS, pool=plain_images(9, 0.1, 16)))
    assert door.remaining == 0
    assert second_phase == [("pool", 3, 9)]
    assert (tmp_path / "fit.ckpt").exists()


def test_from_scratch_begins_with_fresh_weights_and_queries_nothing(
    tmp_path: Path, second_phase: list[tuple[str, int, int]]
) -> None:
    door = DrawingDoor(6, side=16)
    brief = drawing_brief(tmp_path, OPTIONS, pool=plain_images(9, 0.1, 16), seed=4)
    assert equal(FromScratch().extract(door, brief), build_stylegan2({**NET, "side": 16}, seed=4).generator)
    assert door.remaining == 6
    assert second_phase == [("pool", 3, 9)]


def test_finetuning_begins_with_the_victims_weights_and_queries_nothing(
    tmp_path: Path, second_phase: list[tuple[str, int, int]]
) -> None:
    door = DrawingDoor(6, side=16)
    brief = drawing_brief(tmp_path, TUNING, pool=plain_images(9, 0.1, 16), victim=victim())
    assert equal(FinetuneVictim().extract(door, brief), victim().generator)
    assert door.remaining == 6
    assert second_phase == [("pool", 3, 9)]


def test_a_victim_whose_weights_are_frozen_is_trained_all_the_same(tmp_path: Path) -> None:
    brief = drawing_brief(tmp_path, TUNING, pool=plain_images(9, 0.1, 16), victim=victim())
    net = FinetuneVictim().extract(DrawingDoor(6, side=16), brief)
    assert not equal(net, victim().generator)
    with torch.no_grad():
        assert net(torch.zeros(1, 8)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize("attack", [StyleGANTransfer, FromScratch, FinetuneVictim])
def test_without_a_new_domain_it_is_refused_before_anything_is_queried(attack: type[Any], tmp_path: Path) -> None:
    door = DrawingDoor(6, side=16)
    with pytest.raises(PlanError, match="no images of a new domain"):
        attack().extract(door, drawing_brief(tmp_path, OPTIONS, victim=victim()))
    assert door.remaining == 6


@pytest.mark.parametrize("given", [None, nn.Identity()])
def test_finetuning_anything_but_a_stylegan2_is_refused(given: nn.Module | None, tmp_path: Path) -> None:
    brief = drawing_brief(tmp_path, TUNING, pool=plain_images(1, 0.1, 16), victim=given)
    with pytest.raises(PlanError, match="needs the networks of a StyleGAN2"):
        FinetuneVictim().extract(DrawingDoor(6), brief)
