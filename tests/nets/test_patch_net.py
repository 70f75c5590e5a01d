"""The net of small receptive field."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.nets.initialise import seeded
from gexbench.nets.patch_net import PatchNet


def images(count: int, height: int, width: int) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(height))


@pytest.mark.parametrize("layers", [2, 5, 8])
def test_an_output_pixel_sees_the_window_that_the_net_says(layers: int) -> None:
    net = seeded(lambda: PatchNet(layers, 16), 0)
    x = images(1, 41, 41).requires_grad_()
    net(x)[0, :, 20, 20].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(dim=0).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [net.receptive_field] * 2
    assert net.receptive_field == 2 * layers + 1


def test_it_keeps_the_size_and_stays_in_range_when_it_answers() -> None:
    net = seeded(lambda: PatchNet(3, 8), 0).eval()
    with torch.no_grad():
        net.layers[-1].bias.fill_(0.5)
        y = net(images(2, 9, 14))
    assert y.shape == (2, 3, 9, 14)
    assert 0.0 <= float(y.min()) < float(y.max()) == 1.0


def test_outputs_are_not_clamped_while_it_learns() -> None:
    net = seeded(lambda: PatchNet(3, 8), 0).train()
    with torch.no_grad():
        net.layers[-1].bias.fill_(0.5)
        assert float(net(images(1, 9, 9)).max()) > 1.0


def test_it_is_a_change_to_the_input() -> None:
    net = seeded(lambda: PatchNet(3, 8), 0).eval()
    with torch.no_grad():
        for parameter in net.layers[-1].parameters():
            parameter.zero_()
    x = images(1, 9, 9)
    assert torch.equal(net(x).detach(), x)


def test_what_stands_in_one_corner_does_not_change_another() -> None:
    net = seeded(lambda: PatchNet(3, 8), 0).eval()
    x = images(1, 24, 24)
    other = x.clone()
    other[..., :8, :8] = 1.0 - other[..., :8, :8]
    assert torch.equal(net(x)[..., 12:, 12:], net(other)[..., 12:, 12:])


def test_other_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="layers 1 must be 2 or more"):
        PatchNet(layers=1)
