"""Augmentations change inputs and outputs alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.core.images import downscale
from gexbench.training.augment import augment, contrast, flip, rotation

COUNT = 32


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth_pairs(height: int = 24, width: int = 24) -> tuple[Tensor, Tensor]:
    """Outputs without fine detail, and inputs that are the same pictures shrunk by 4."""
    noise = torch.rand(COUNT, 3, 5, 5, generator=seeded(9)) * 0.6 + 0.2
    y = F.interpolate(noise, size=(4 * height, 4 * width), mode="bicubic", align_corners=False).clamp(0, 1)
    return downscale(y, 4), y


def changed(before: Tensor, after: Tensor) -> Tensor:
    return (before != after).flatten(1).any(dim=1)


@pytest.mark.parametrize("size", [(24, 24), (16, 30)])
@pytest.mark.parametrize("name", ["flip", "rotation", "contrast"])
def test_pairs_still_show_the_same_afterwards(name: str, size: tuple[int, int]) -> None:
    x, y = smooth_pairs(*size)
    new_x, new_y = augment(x, y, [name], seeded())
    touched = changed(x, new_x)
    assert 8 <= int(touched.sum()) <= 24
    assert torch.equal(touched, changed(y, new_y))
    inside = (..., slice(2, -2), slice(2, -2))
    error = (downscale(new_y, 4) - new_x)[inside].abs().max()
    assert float(error) < 0.015
    assert float((new_x - x)[inside].abs().max()) > 0.05


@pytest.mark.parametrize("name", ["flip", "rotation", "contrast"])
def test_values_stay_in_range_and_follow_the_generator(name: str) -> None:
    x = torch.rand(COUNT, 3, 8, 8, generator=seeded(1)).round()
    y = x.repeat_interleave(4, -1).repeat_interleave(4, -2)
    first, again = (augment(x, y, [name], seeded(5)) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert all(float(part.min()) >= 0.0 and float(part.max()) <= 1.0 for part in first)


def test_a_flip_is_left_to_right() -> None:
    x = torch.rand(COUNT, 3, 4, 4, generator=seeded(2))
    new_x, _ = flip(x, x, seeded())
    touched = changed(x, new_x)
    assert torch.equal(new_x[touched], x[touched].flip(-1))


def test_a_rotation_stays_within_five_degrees() -> None:
    side = 65
    column = torch.zeros(COUNT, 3, side, side)
    column[..., side // 2 - 1 : side // 2 + 2] = 1.0
    turned, _ = rotation(column, column, seeded())
    top = turned[:, 0, 2, :].argmax(dim=1) - side // 2
    slope = torch.atan2(top.abs().float(), torch.tensor(side // 2 - 2.0)).rad2deg()
    assert 2.0 < float(slope.max()) < 7.0


def test_contrast_grows_by_a_fifth_about_the_inputs_mean() -> None:
    x = torch.full((COUNT, 3, 2, 2), 0.5)
    x[..., 0], x[..., 1] = 0.4, 0.6
    new_x, _ = contrast(x, x, seeded())
    torch.testing.assert_close(new_x[changed(x, new_x)][0, 0, 0], torch.tensor([0.38, 0.62]))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'cutout' is none of flip, rotation, contrast"):
        augment(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 8, 8), ["cutout"], seeded())
