"""Projected gradient ascent within a ball of 8-bit steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.core.images import from_uint8, round_8bit, to_uint8
from gexbench.training.ascent import ascended


def _image() -> Tensor:
    return round_8bit(torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0)))


def _ascended(y: Tensor, radius: float, steps: int = 5, seed: int = 0) -> Tensor:
    wave = torch.linspace(-1, 1, y.numel()).view(y.shape)
    return ascended(y, lambda x: (wave * x).sum(), radius, steps, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("radius", "most"), [(0.0, 0), (0.9, 0), (1.0, 1), (4.0, 4), (31.875, 31), (100.0, 100)])
def test_no_pixel_moves_further_than_the_radius_once_it_is_rounded(radius: float, most: int) -> None:
    every = from_uint8(torch.arange(256, dtype=torch.uint8).repeat(1, 3, 1).unsqueeze(2))
    for y in (_image(), every):
        moved = to_uint8(_ascended(y, radius)).int() - to_uint8(y).int()
        assert moved.abs().max() == most


def test_pixels_go_where_the_objective_rises_to_the_edge_of_the_ball() -> None:
    y = torch.full((1, 3, 8, 8), 128 / 255)
    moved = ((_ascended(y, 6.0) - y) * 255).round().flatten()
    assert moved[: len(moved) // 2].eq(-6).all()
    assert moved[-len(moved) // 2 :].eq(6).all()


def test_the_start_is_drawn_from_the_generator_alone() -> None:
    y = _image()

    def flat(seed: int) -> Tensor:
        return ascended(y, lambda x: 0 * x.sum(), 8.0, 1, torch.Generator().manual_seed(seed))

    assert torch.equal(flat(1), flat(1))
    assert not torch.equal(flat(1), flat(2))


def test_images_stay_in_range_and_gradients_are_found_where_they_are_switched_off() -> None:
    with torch.no_grad():
        got = _ascended(_image().round(), 40.0)
    assert not got.requires_grad
    assert (got.amin(), got.amax()) == (0, 1)
