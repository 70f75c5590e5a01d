"""Augmentations change inputs and outputs alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.core.images import downscale
from gexbench.training.augment import augment, contrast, cutout, flip, rotation

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
@pytest.mark.parametrize(
    ("name", "tolerance"), [("flip", 0.015), ("rotation", 0.015), ("cutout", 0.035), ("contrast", 0.015)]
)
def test_pairs_still_show_the_same_afterwards(name: str, tolerance: float, size: tuple[int, int]) -> None:
    x, y = smooth_pairs(*size)
    new_x, new_y = augment(x, y, [name], seeded())
    touched = changed(x, new_x)
    assert 8 <= int(touched.sum()) <= 24
    assert torch.equal(touched, changed(y, new_y))
    inside = (..., slice(2, -2), slice(2, -2))
    error = (downscale(new_y, 4) - new_x)[inside].abs().max()
    assert float(error) < tolerance
    assert float((new_x - x)[inside].abs().max()) > 0.05


@pytest.mark.parametrize("name", ["flip", "rotation", "cutout", "contrast"])
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


def ramps(height: int, width: int) -> Tensor:
    """Pictures whose first channel says how far right a pixel lies, in [0,1], and whose second how far down."""
    across = ((torch.arange(width) + 0.5) / width).expand(height, width)
    down = ((torch.arange(height) + 0.5) / height).expand(width, height).T
    return torch.stack([across, down, torch.zeros(height, width)]).expand(COUNT, -1, -1, -1).contiguous()


@pytest.mark.parametrize("scale", [1, 4])
def test_a_cutout_shows_three_quarters_of_the_sides_at_one_place_in_both(scale: int) -> None:
    x, y = ramps(32, 24), ramps(32 * scale, 24 * scale)
    new_x, new_y = cutout(x, y, seeded())
    touched = changed(x, new_x)
    for new, before in ((new_x[touched], x), (new_y[touched], y)):
        pixel_right, pixel_down = before[0, 0, 0, 1] - before[0, 0, 0, 0], before[0, 1, 1, 0] - before[0, 1, 0, 0]
        steps_right, steps_down = new[:, 0].diff(dim=-1)[..., 1:-1], new[:, 1].diff(dim=-2)[..., 1:-1, :]
        torch.testing.assert_close(steps_right, (0.75 * pixel_right).expand_as(steps_right))
        torch.testing.assert_close(steps_down, (0.75 * pixel_down).expand_as(steps_down))
    middles = [new[touched][:, :2].mean(dim=(2, 3)) for new in (new_x, new_y)]
    torch.testing.assert_close(middles[0], middles[1], atol=2e-3, rtol=0.0)
    assert torch.equal(changed(y, new_y), touched)


def test_the_windows_of_a_cutout_lie_anywhere_within_the_image() -> None:
    x = ramps(32, 32)
    new_x, _ = cutout(x, x, seeded())
    middles = new_x[changed(x, new_x)][:, :2].mean(dim=(2, 3))
    assert float(middles.min()) >= 0.374
    assert float(middles.max()) <= 0.626
    assert bool((middles.std(dim=0) > 0.04).all())
    assert abs(float(torch.corrcoef(middles.T)[0, 1])) < 0.9


def test_contrast_grows_by_a_fifth_about_the_inputs_mean() -> None:
    x = torch.full((COUNT, 3, 2, 2), 0.5)
    x[..., 0], x[..., 1] = 0.4, 0.6
    new_x, _ = contrast(x, x, seeded())
    torch.testing.assert_close(new_x[changed(x, new_x)][0, 0, 0], torch.tensor([0.38, 0.62]))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'mixup' is none of flip, rotation, cutout, contrast"):
        augment(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 8, 8), ["mixup"], seeded())


def test_rotations_go_both_ways_about_as_often() -> None:
    across = ramps(32, 32)
    turned, _ = rotation(across, across, seeded())
    tilts = turned[changed(across, turned)][:, 0, 16, 16] - turned[changed(across, turned)][:, 0, 8, 16]
    assert 3 <= int((tilts > 0).sum()) <= len(tilts) - 3


def test_what_a_rotation_brings_in_from_outside_is_mirrored_and_not_black() -> None:
    white = torch.ones(COUNT, 3, 16, 16)
    marked = torch.cat([white[:, :2], ramps(16, 16)[:, :1]], dim=1)
    turned, _ = rotation(marked, marked, seeded())
    assert float(turned[:, :2].min()) > 0.99


def test_contrast_of_all_colours_grows_about_one_mean_and_values_are_clamped() -> None:
    x = torch.tensor([0.1, 0.5, 0.9]).view(1, 3, 1, 1).expand(COUNT, 3, 2, 2).contiguous()
    new_x, new_y = contrast(x, 1.0 - x, seeded())
    touched = changed(x, new_x)
    torch.testing.assert_close(new_x[touched][0, :, 0, 0], torch.tensor([0.02, 0.5, 0.98]))
    torch.testing.assert_close(new_y[touched][0, :, 0, 0], torch.tensor([0.98, 0.5, 0.02]))
    dark, bright = (torch.full((COUNT, 3, 2, 2), value) for value in (0.0, 1.0))
    for pair in (contrast(x, bright, seeded()), contrast(x, dark, seeded())):
        assert all(float(part.min()) >= 0.0 and float(part.max()) <= 1.0 for part in pair)
