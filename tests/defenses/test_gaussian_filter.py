"""Blur on answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from gexbench.core.defense import History
from gexbench.defenses.gaussian_filter import GaussianFilter

QUESTION = torch.zeros(1, 3, 8, 8)


def _image(height: int = 24, width: int = 31) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def _guarded(y: Tensor, sigma: float) -> Tensor:
    return GaussianFilter({"sigma": sigma}).guard_output(QUESTION, y, History(0, torch.Generator()))


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0])
def test_the_blur_is_that_of_another_library(sigma: float) -> None:
    y = _image()
    expected = ndimage.gaussian_filter(
        y.double().numpy(), sigma, mode="nearest", radius=int(np.ceil(3 * sigma)), axes=(2, 3)
    )
    assert np.abs(_guarded(y, sigma).numpy() - expected).max() < 1e-6


def test_no_sigma_changes_nothing() -> None:
    assert torch.equal(_guarded(_image(), 0.0), _image())


def test_more_sigma_costs_more() -> None:
    errors = [float((_guarded(_image(), sigma) - _image()).square().mean()) for sigma in (0.4, 0.7, 1.5, 16.0)]
    assert 0 < errors[0] < errors[1] < errors[2] < errors[3]


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 31)])
def test_any_size_keeps_its_shape_type_and_range(size: tuple[int, int]) -> None:
    got = _guarded(_image(*size).round(), 16.0)
    assert got.shape == (1, 3, *size)
    assert got.dtype == torch.float32
    assert got.amin() >= 0
    assert got.amax() <= 1
