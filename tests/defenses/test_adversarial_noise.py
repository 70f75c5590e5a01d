"""Noise against a fixed network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.core.defense import History
from gexbench.core.images import round_8bit, to_uint8
from gexbench.defenses.adversarial_noise import AdversarialNoise, RandomFeatures

QUESTION = torch.zeros(1, 3, 8, 8)


def _image(height: int = 32, width: int = 32) -> Tensor:
    small = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    return round_8bit(F.interpolate(small, size=(height, width), mode="bilinear"))


def _guarded(y: Tensor, eps: int, seed: int = 0) -> Tensor:
    history = History(0, torch.Generator().manual_seed(seed))
    return AdversarialNoise({"eps": eps, "steps": 4}).guard_output(QUESTION, y, history)


def _features_moved(y: Tensor, other: Tensor) -> float:
    net = RandomFeatures()
    return sum(float(F.mse_loss(a, b) / b.square().mean()) for a, b in zip(net(other), net(y), strict=True))


@pytest.mark.parametrize("eps", [1, 4, 16])
def test_the_bound_holds_and_features_move_further_than_by_chance(eps: int) -> None:
    y = _image()
    got = _guarded(y, eps)
    moved = to_uint8(got).int() - to_uint8(y).int()
    assert moved.abs().max() == eps
    chance = y + (torch.rand(y.shape, generator=torch.Generator().manual_seed(1)).round() * 2 - 1) * eps / 255
    assert _features_moved(y, got) > 1.5 * _features_moved(y, chance)


def test_more_eps_costs_more_and_none_nothing() -> None:
    y = _image()
    errors = [float((_guarded(y, eps) - y).square().mean()) for eps in (0, 4, 8, 16)]
    assert 0 == errors[0] < errors[1] < errors[2] < errors[3]


def test_the_same_question_gets_the_same_answer_and_another_gets_another() -> None:
    y = _image()
    assert torch.equal(_guarded(y, 8, seed=3), _guarded(y, 8, seed=3))
    assert not torch.equal(_guarded(y, 8, seed=3), _guarded(y, 8, seed=4))


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 31)])
def test_any_size_keeps_its_shape_type_and_range(size: tuple[int, int]) -> None:
    got = _guarded(_image(*size).round(), 16)
    assert got.shape == (1, 3, *size)
    assert got.dtype == torch.float32
    assert got.amin() >= 0
    assert got.amax() <= 1


def test_an_answer_of_one_colour_is_moved_too() -> None:
    assert not torch.equal(_guarded(torch.zeros(1, 3, 16, 16), 4), torch.zeros(1, 3, 16, 16))
