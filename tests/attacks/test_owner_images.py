"""The control that hands out what the victim learned from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.attacks.owner_images import HandedOut, OwnerImages
from gexbench.core.images import from_uint8
from gexbench.errors import PlanError

from .drawing import DrawingDoor, drawing_brief


def grey(value: int) -> Tensor:
    return from_uint8(torch.full((3, 2, 2), value, dtype=torch.uint8))


def test_it_queries_nothing_and_hands_out_each_image_as_often_as_the_others(tmp_path: Path) -> None:
    door, real = DrawingDoor(9), [grey(value) for value in (10, 20, 30, 40)]
    made = OwnerImages().extract(door, drawing_brief(tmp_path, {}, truth=real))
    assert door.remaining == 9
    drawn = made(torch.randn(8000, 1, generator=torch.Generator().manual_seed(0)))
    assert drawn.shape == (8000, 3, 2, 2)
    values, counts = drawn[:, 0, 0, 0].unique(return_counts=True)
    assert values.tolist() == [float(image[0, 0, 0]) for image in real]
    assert counts.float().sub(2000).abs().max() < 200


def test_latents_far_out_give_the_first_and_the_last_image(tmp_path: Path) -> None:
    made = OwnerImages().extract(DrawingDoor(9), drawing_brief(tmp_path, {}, truth=[grey(10), grey(20)]))
    assert torch.equal(made(torch.tensor([[-40.0], [40.0]])), torch.stack([grey(10), grey(20)]))


def test_it_is_built_anew_from_its_config_and_its_tensors(tmp_path: Path) -> None:
    made = OwnerImages().extract(DrawingDoor(9), drawing_brief(tmp_path, {}, truth=[grey(10), grey(20)]))
    again = HandedOut(**made.config)  # type: ignore[arg-type]
    again.load_state_dict(made.state_dict())
    latents = torch.linspace(-2.0, 2.0, 9).unsqueeze(1)
    assert torch.equal(again(latents), made(latents))


@pytest.mark.parametrize("truth", [None, []])
def test_without_the_owners_images_it_is_refused(tmp_path: Path, truth: list[Tensor] | None) -> None:
    with pytest.raises(PlanError, match="owner-images needs the owner's images"):
        OwnerImages().extract(DrawingDoor(9), drawing_brief(tmp_path, {}, truth=truth))
