"""The discriminator of SRGAN."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn.functional import softplus

from gexbench.nets.initialise import seeded
from gexbench.nets.srgan_discriminator import SRGANDiscriminator


def test_the_published_net_has_the_parameters_of_figure_4() -> None:
    widths = [3, 64, 64, 128, 128, 256, 256, 512, 512]
    convs = sum(a * b * 9 + b for a, b in itertools.pairwise(widths))
    norms = sum(2 * width for width in widths[2:])
    dense = 512 * 6 * 6 * 1024 + 1024 + 1024 + 1
    assert sum(p.numel() for p in SRGANDiscriminator(96).parameters()) == convs + norms + dense


def test_each_image_gets_one_logit() -> None:
    net = seeded(lambda: SRGANDiscriminator(32, channels=4), 0)
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 1)


@pytest.mark.parametrize("crop", [0, 90, -16])
def test_crops_that_cannot_be_halved_four_times_are_refused(crop: int) -> None:
    with pytest.raises(ValueError, match="multiple of 16"):
        SRGANDiscriminator(crop)


def test_it_learns_to_tell_noise_from_blocks() -> None:
    net = seeded(lambda: SRGANDiscriminator(16, channels=4), 0)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        noise = torch.rand(8, 3, 16, 16, generator=generator)
        blocks = noise[..., ::4, ::4].repeat_interleave(4, -1).repeat_interleave(4, -2)
        # one batch: apart, batch norm would take away much of what tells them apart
        true, made = net(torch.cat([noise, blocks])).chunk(2)
        loss = softplus(-true).mean() + softplus(made).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.5
