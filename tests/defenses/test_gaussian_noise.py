"""Gaussian noise on answers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.core.defense import History
from gexbench.defenses.gaussian_noise import GaussianNoise

QUESTION = torch.zeros(1, 3, 8, 8)


def _history(seed: int) -> History:
    return History(answered=0, generator=torch.Generator().manual_seed(seed))


def _guarded(y: Tensor, sigma: float, seed: int = 0) -> Tensor:
    return GaussianNoise({"sigma": sigma}).guard_output(QUESTION, y, _history(seed))


def test_the_noise_is_normal_with_the_sigma_asked_for() -> None:
    y = torch.full((1, 3, 256, 256), 0.5)
    noise = (_guarded(y, 4.0) - y) * 255
    assert noise.mean().item() == pytest.approx(0.0, abs=4 * 4.0 / noise.numel() ** 0.5)
    assert noise.std().item() == pytest.approx(4.0, rel=0.01)
    assert (noise.abs() < 4.0).float().mean().item() == pytest.approx(0.6827, abs=0.005)


def test_the_same_question_gets_the_same_noise_and_another_gets_another() -> None:
    y = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert torch.equal(_guarded(y, 8.0, seed=3), _guarded(y, 8.0, seed=3))
    assert not torch.equal(_guarded(y, 8.0, seed=3), _guarded(y, 8.0, seed=4))


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_answers_stay_in_range(level: float) -> None:
    got = _guarded(torch.full((1, 3, 32, 32), level), 60.0)
    assert got.amin() >= 0
    assert got.amax() <= 1
    assert got.dtype == torch.float32


def test_no_sigma_changes_nothing() -> None:
    y = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    assert torch.equal(_guarded(y, 0.0), y)


def test_the_input_is_left_alone() -> None:
    assert GaussianNoise({"sigma": 4.0}).guard_input(QUESTION, _history(0)) is QUESTION
