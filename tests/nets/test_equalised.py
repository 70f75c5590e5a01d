"""Layers with an equalised learning rate."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gexbench.nets.equalised import EqualConv2d, EqualLinear
from gexbench.nets.initialise import seeded

from .learning import drawn


def test_equalised_weights_start_at_one_and_are_scaled_by_their_inputs() -> None:
    layer, x = seeded(lambda: EqualConv2d(16, 32, 3, gain=2.0), 0), drawn(4, 16, 8, 8, seed=1)
    assert float(layer.weight.detach().std()) == pytest.approx(1.0, abs=0.05)
    assert torch.allclose(layer(x), F.conv2d(x, layer.weight * 2.0 / 12.0, padding=1), atol=1e-5)
    dense = seeded(lambda: EqualLinear(64, 64, 0.5, gain=2.0), 0)
    assert float(dense.weight.detach().std()) == pytest.approx(1.0, abs=0.05)
    assert torch.allclose(dense(x.view(-1, 64)), x.view(-1, 64) @ dense.weight.T * 2.0 / 8.0 + 0.5, atol=1e-5)


def test_equalised_convolutions_keep_the_side_unless_they_have_a_stride() -> None:
    x = drawn(1, 2, 9, 9, seed=1)
    shapes = [tuple(EqualConv2d(2, 4, *numbers, bias=False)(x).shape[1:]) for numbers in ((1,), (3,), (1, 2), (3, 2))]
    assert shapes == [(4, 9, 9), (4, 9, 9), (4, 5, 5), (4, 4, 4)]


def test_a_rate_changes_nothing_but_how_fast_a_layer_learns() -> None:
    whole = seeded(lambda: EqualLinear(8, 4, 1.0), 0)
    slow = seeded(lambda: EqualLinear(8, 4, 1.0, rate=0.01), 0)
    x = drawn(3, 8, seed=1)
    start = whole(x).detach()
    assert torch.allclose(slow(x), start, atol=1e-5)
    for layer in (whole, slow):
        optimiser = torch.optim.Adam(layer.parameters(), lr=1e-3)
        layer(x).sum().backward()
        optimiser.step()
    assert torch.allclose(slow(x) - start, 0.01 * (whole(x) - start), atol=1e-5)
