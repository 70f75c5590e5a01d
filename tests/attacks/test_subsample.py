"""The attacks that let a leaked discriminator choose what they learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gexbench.attacks import subsample
from gexbench.attacks.subsample import DiscriminatorRejection, MHSubsample
from gexbench.core.attack import Brief
from gexbench.errors import PlanError

from .drawing import DrawingDoor, drawing_brief, plain_images

CHAINS: dict[str, Any] = {"chain": 4, "calibration": "none"}
REJECTION: dict[str, Any] = {"pilot": 0.25, "calibration": "none"}
either = pytest.mark.parametrize(("attack", "options"), [(MHSubsample, CHAINS), (DiscriminatorRejection, REJECTION)])


class LikesLight(nn.Module):
    """A discriminator that takes light images to be real."""

    def __init__(self, taste: float = 20.0) -> None:
        super().__init__()
        self.taste = taste

    def forward(self, x: Tensor) -> Tensor:
        return self.taste * (x.mean(dim=(1, 2, 3)) - 0.5)[:, None]


@pytest.fixture
def learned_from(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The images that an attack fits its network to; nothing is fitted."""
    images: list[Tensor] = []

    def fit(kept: Sequence[Tensor], options: object, context: object) -> SimpleNamespace:
        images.extend(kept)
        return SimpleNamespace(generator=nn.Identity())

    monkeypatch.setattr(subsample, "fit_sngan", fit)
    return images


def informed(folder: Path, options: dict[str, Any], **fields: Any) -> Brief:
    """Return the brief of an attacker who has a discriminator and sixteen real images."""
    known = {"real": plain_images(16, 0.5), "discriminator": LikesLight()}
    return drawing_brief(folder, options, **{**known, **fields})


def light(images: Sequence[Tensor]) -> float:
    return float(torch.stack([image.float().mean() for image in images]).mean()) / 255.0


@either
def test_it_learns_from_the_images_that_the_discriminator_likes(
    attack: type[Any], options: dict[str, Any], tmp_path: Path, learned_from: list[Tensor]
) -> None:
    door = DrawingDoor(400)
    attack().extract(door, informed(tmp_path, options))
    drawn = {image.numpy().tobytes() for image in (DrawingDoor(400).sample(400).images * 255).round().to(torch.uint8)}
    assert door.remaining == 0
    assert {image.numpy().tobytes() for image in learned_from} <= drawn
    assert light(learned_from) > 0.51


@either
def test_a_discriminator_that_likes_dark_images_chooses_those(
    attack: type[Any], options: dict[str, Any], tmp_path: Path, learned_from: list[Tensor]
) -> None:
    attack().extract(DrawingDoor(400), informed(tmp_path, options, discriminator=LikesLight(-20.0)))
    assert light(learned_from) < 0.49


def test_each_chain_leaves_one_image_and_says_how_it_went(tmp_path: Path, learned_from: list[Tensor]) -> None:
    attack = MHSubsample()
    attack.extract(DrawingDoor(42), informed(tmp_path, CHAINS))
    assert len(learned_from) == attack.report["kept"] == 10
    assert 0.0 < attack.report["acceptance"] <= 1.0
    assert set(attack.report) == {"kept", "acceptance", "stuck", "z"}


def test_images_that_find_the_bound_are_not_chosen_from(tmp_path: Path, learned_from: list[Tensor]) -> None:
    attack = DiscriminatorRejection()
    attack.extract(DrawingDoor(400), informed(tmp_path, {**REJECTION, "pilot": 0.9}))
    pilot = (DrawingDoor(400).sample(360).images * 255).round().to(torch.uint8)
    found = {image.numpy().tobytes() for image in pilot}
    assert 0 < len(learned_from) == attack.report["kept"] < 40
    assert not any(image.numpy().tobytes() in found for image in learned_from)


def test_where_everything_is_rejected_it_says_so(tmp_path: Path) -> None:
    unkind = informed(tmp_path, {**REJECTION, "pilot": 0.99}, discriminator=LikesLight(1000.0))
    with pytest.raises(ValueError, match="all of 100 queried images were rejected; query more"):
        DiscriminatorRejection().extract(DrawingDoor(100), unkind)


@either
@pytest.mark.parametrize(
    ("lacking", "message"),
    [
        ({"discriminator": None}, "no discriminator leaked"),
        ({"real": None}, "no real images"),
        ({"real": plain_images(7, 0.5)}, "7 real images are too few to calibrate with, 8 or more"),
    ],
)
def test_what_it_cannot_do_without_is_asked_for_before_anything_is_queried(
    attack: type[Any], options: dict[str, Any], lacking: dict[str, Any], message: str, tmp_path: Path
) -> None:
    door = DrawingDoor(40)
    with pytest.raises(PlanError, match=message):
        attack().extract(door, informed(tmp_path, options, **lacking))
    assert door.remaining == 40


def test_a_budget_below_one_chain_is_refused_before_anything_is_queried(tmp_path: Path) -> None:
    door = DrawingDoor(3)
    with pytest.raises(PlanError, match="a budget of 3 makes no chain of 4 images"):
        MHSubsample().extract(door, informed(tmp_path, CHAINS))
    assert door.remaining == 3
