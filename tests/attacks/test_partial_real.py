"""The attack that goes on with a few real images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_factory import equal

from gexbench.attacks import partial_real
from gexbench.attacks.partial_real import PartialReal
from gexbench.attacks.sngan import SNGANAttack
from gexbench.core.images import from_uint8
from gexbench.errors import PlanError
from gexbench.training.latent import LatentTraining

from .drawing import NUMBERS, SNGAN, DrawingDoor, drawing_brief, plain_images


def test_both_networks_learn_from_the_service_first_and_from_real_images_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, options = DrawingDoor(8), {**SNGAN, **NUMBERS}
    seen: list[tuple[int, list[Tensor]]] = []

    class Remembered(LatentTraining):
        def fit(self, images: Sequence[Tensor]) -> None:
            seen.append((self.options.steps, list(images)))

    monkeypatch.setattr(partial_real, "LatentTraining", Remembered)
    real = plain_images(9, 0.1)
    net = PartialReal().extract(door, drawing_brief(tmp_path / "a", {**options, "real_steps": 3}, real=real))
    assert equal(net, SNGANAttack().extract(DrawingDoor(8), drawing_brief(tmp_path / "b", options)))
    assert door.remaining == 0
    ((steps, images),) = seen
    assert steps == 3
    assert torch.equal(from_uint8(torch.stack(images)), torch.stack(real))


def test_the_two_phases_have_checkpoints_of_their_own(tmp_path: Path) -> None:
    brief = drawing_brief(tmp_path, {**SNGAN, **NUMBERS, "real_steps": 3}, real=plain_images(8, 0.1))
    first = PartialReal().extract(DrawingDoor(8), brief)
    copy = drawing_brief(tmp_path / "plain", {**SNGAN, **NUMBERS})
    assert not equal(first, SNGANAttack().extract(DrawingDoor(8), copy))
    assert {path.name for path in tmp_path.glob("*.ckpt")} == {"fit.ckpt", "real.ckpt"}
    assert equal(PartialReal().extract(DrawingDoor(8), brief), first)


@pytest.mark.parametrize("real", [None, []])
def test_without_real_images_it_is_refused_before_anything_is_queried(
    tmp_path: Path, real: list[Tensor] | None
) -> None:
    door = DrawingDoor(8)
    with pytest.raises(PlanError, match="partial-real needs real images"):
        PartialReal().extract(door, drawing_brief(tmp_path, {**SNGAN, **NUMBERS, "real_steps": 3}, real=real))
    assert door.remaining == 8
