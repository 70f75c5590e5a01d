"""The floor that asks nothing."""

from __future__ import annotations

import torch
from torch import nn

from gexbench.attacks.bicubic import Bicubic
from gexbench.core.attack import Brief
from gexbench.core.images import upscale

from .conftest import Door


def test_it_is_bicubic_enlargement_within_range(door: Door, brief: Brief) -> None:
    net = Bicubic().extract(door, brief)
    x = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0)).round()
    assert torch.equal(net(x), upscale(x, 4).clamp(0.0, 1.0))
    assert float(upscale(x, 4).max()) > 1.0


def test_it_asks_nothing_and_has_no_weights(door: Door, brief: Brief) -> None:
    net = Bicubic().extract(door, brief)
    assert isinstance(net, nn.Module)
    assert not net.state_dict()
    assert door.asked == []
