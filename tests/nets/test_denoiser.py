"""The net that takes faint noise out."""

from __future__ import annotations

import torch

from gexbench.nets.denoiser import Denoiser
from gexbench.nets.initialise import seeded


def test_any_size_stays_and_the_answer_is_in_range() -> None:
    net = seeded(Denoiser, 0).eval()
    for height, width in ((8, 8), (9, 40), (1, 1)):
        x = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
        made = net(x).detach()
        assert made.shape == x.shape
        assert 0.0 <= float(made.min()) <= float(made.max()) <= 1.0


def test_a_pixel_depends_on_its_neighbourhood_alone() -> None:
    net = seeded(lambda: Denoiser(4), 0)
    x = torch.full((1, 3, 21, 21), 0.5)
    changed = x.clone()
    changed[..., 10, 10] += 0.1
    touched = (net(changed) - net(x)).detach().abs().amax(dim=(0, 1)) > 0
    assert bool(touched[10, 10])
    assert not bool(touched[:4].any())


def test_in_training_values_beyond_the_range_are_let_through() -> None:
    net = seeded(Denoiser, 0)
    white = torch.ones(1, 3, 8, 8)
    net.layers[-1].bias.data.fill_(1.0)
    assert float(net.train()(white).detach().max()) > 1.0 == float(net.eval()(white).detach().max())
