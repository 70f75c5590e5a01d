"""Networks get their first weights from a seed."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gexbench.nets.initialise import gaussian, reset, seeded


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


def test_gaussian_weights_lie_about_zero_and_those_of_norms_about_one() -> None:
    net = nn.Sequential(nn.Conv2d(32, 64, 3), nn.ConvTranspose2d(64, 32, 3), nn.BatchNorm2d(4096))
    gaussian(net, 0)
    for layer, mean in zip(net, (0.0, 0.0, 1.0), strict=True):
        assert abs(float(layer.weight.detach().mean()) - mean) < 0.002
        assert 0.019 < float(layer.weight.detach().std()) < 0.021
        assert not layer.bias.detach().any()


def test_gaussian_weights_are_those_of_their_seed_and_spread() -> None:
    drawn = [weight(9) for _ in range(4)]
    for values, seed, std in zip(drawn, (3, 3, 4, 3), (0.02, 0.02, 0.02, 0.2), strict=True):
        layer = nn.Conv2d(3, 4, 3)
        gaussian(layer, seed, std)
        values.data = layer.weight.data
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.allclose(drawn[3], 10.0 * drawn[0])


def test_weights_under_a_spectral_norm_stay_as_they_were_drawn() -> None:
    layer = spectral_norm(nn.Conv2d(3, 4, 3))
    before = layer.parametrizations.weight.original.detach().clone()
    gaussian(layer, 0)
    assert torch.equal(layer.parametrizations.weight.original, before)
