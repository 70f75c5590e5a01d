"""Networks get their first weights from a seed."""

from __future__ import annotations

import torch
from torch import nn

from gexbench.nets.initialise import reset, seeded


def weight(seed: int) -> torch.Tensor:
    return seeded(lambda: nn.Conv2d(3, 4, 3), seed).weight


def test_the_seed_alone_decides_the_first_weights() -> None:
    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


def test_the_global_random_state_is_left_as_it_was() -> None:
    before = torch.random.get_rng_state()
    net = seeded(lambda: nn.Linear(2, 2), 7)
    reset(net, 8)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_reset_forgets_what_was_learned() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(), nn.BatchNorm2d(4))
    reset(net, 5)
    fresh = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1.0)
    reset(net, 5)
    assert all(torch.equal(value, fresh[key]) for key, value in net.state_dict().items())
