"""The attack that is told the latents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.attacks import latent_regression
from gexbench.attacks.latent_regression import LatentRegression
from gexbench.core.images import from_uint8
from gexbench.errors import PlanError

from .drawing import DrawingDoor, coloured, drawing_brief, light_of

OPTIONS = {"channels": 4, "steps": 2, "batch": 16, "lr": 2e-2}


def test_it_learns_from_every_image_with_the_latent_it_was_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[tuple[Tensor, Sequence[Tensor]]] = []
    monkeypatch.setattr(
        latent_regression, "fit_regression", lambda net, latents, images, *more: learned.append((latents, images))
    )
    door = DrawingDoor(70, tells=True)
    LatentRegression().extract(door, drawing_brief(tmp_path, OPTIONS))
    ((latents, images),) = learned
    assert (door.remaining, len(images)) == (0, 70)
    assert torch.equal(from_uint8(torch.stack(list(images))), coloured(latents, 32))


def test_its_images_come_to_look_like_the_services(tmp_path: Path) -> None:
    net = LatentRegression().extract(
        DrawingDoor(40, light=0.9, tells=True), drawing_brief(tmp_path, {**OPTIONS, "steps": 20})
    )
    assert light_of(net) > 0.7
    assert (net.latent_size, net.training) == (8, False)


def test_without_latents_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="does not tell its latents"):
        LatentRegression().extract(DrawingDoor(4), drawing_brief(tmp_path, OPTIONS))


def test_first_weights_follow_the_seed(tmp_path: Path) -> None:
    first, again, other = (
        LatentRegression()
        .extract(
            DrawingDoor(8, tells=True),
            drawing_brief(tmp_path / str(number), {**OPTIONS, "lr": 0.0}, seed=seed),
        )
        .get_parameter("dense.weight")
        for number, seed in enumerate((0, 0, 1))
    )
    assert torch.equal(again, first)
    assert not torch.equal(other, first)
