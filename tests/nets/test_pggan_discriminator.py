"""The discriminator of PGGAN: growing, what it sees of a batch, and learning."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gexbench.nets.pggan_discriminator import with_deviation

from .learning import blocks, drawn, images, told_apart
from .small import pggan_discriminator as discriminator


def test_the_discriminator_starts_a_level_on_shrunken_images_and_ends_on_full_ones() -> None:
    net: Any = discriminator()
    x = images(3, 16)
    net.grow(8)
    lower = net(F.avg_pool2d(x, 2))
    net.grow(16, 0.0)
    assert torch.allclose(net(x), lower, atol=1e-5)
    net.grow(16, 1.0)
    full = net(x)
    with torch.no_grad():
        net.from_rgb[1].weight.zero_()
    assert torch.equal(net(x), full)
    net.grow(16, 1.0 - 1e-6)
    assert torch.allclose(net(x), full, atol=1e-4)


def test_the_smallest_images_are_judged_from_minus_one_to_one_after_one_convolution() -> None:
    net: Any = discriminator()
    net.grow(4)
    x = images(3, 4)
    seen = F.leaky_relu(net.from_rgb[0](2.0 * x - 1.0), 0.2)
    assert torch.allclose(net(x), net.last(with_deviation(seen)), atol=1e-6)


def test_the_discriminator_refuses_images_of_another_side() -> None:
    net = discriminator()
    net.grow(8)
    with pytest.raises(ValueError, match="sides must be 8x8, got 16x16"):
        net(images(1, 16))


def test_the_discriminators_block_is_the_one_of_the_paper() -> None:
    net: Any = discriminator()
    block, y = net.blocks[0], drawn(2, 12, 8, 8, seed=1)
    wanted = F.leaky_relu(block.second(F.leaky_relu(block.first(y), 0.2)), 0.2)
    assert torch.allclose(block(y), F.avg_pool2d(wanted, 2), atol=1e-5)


def test_the_added_feature_map_is_the_mean_deviation_over_the_batch() -> None:
    x = drawn(3, 5, 4, 4, seed=1)
    deviations = [
        sum(float(x[n, c, h, w] - x[:, c, h, w].mean()) ** 2 / 3.0 for n in range(3)) ** 0.5
        for c in range(5)
        for h in range(4)
        for w in range(4)
    ]
    wider = with_deviation(x)
    assert wider.shape == (3, 6, 4, 4)
    assert torch.equal(wider[:, :5], x)
    assert torch.allclose(wider[:, 5], torch.full((3, 4, 4), sum(deviations) / len(deviations)), atol=1e-5)


def test_the_discriminator_sees_how_much_images_differ() -> None:
    net, x = discriminator(), images(2, 16)
    same = torch.cat([x[:1], x[:1]])
    assert float((net(x)[0] - net(same)[0]).detach().abs()) > 1e-4


def test_a_gradient_penalty_reaches_every_weight_of_the_discriminator() -> None:
    net, x = discriminator(), images(3, 16).requires_grad_()
    net.grow(16, 0.5)
    (slope,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    (slope.square().sum(dim=(1, 2, 3)).sqrt() - 1.0).square().mean().backward()
    missing = {name for name, p in net.named_parameters() if p.grad is None and name.endswith("weight")}
    assert missing == {"from_rgb.0.weight"}
    assert all(bool(p.grad.isfinite().all()) for p in net.parameters() if p.grad is not None)


def test_it_learns_to_tell_noise_from_blocks() -> None:
    noise = images(4, 16)
    real, made = told_apart(discriminator(), noise, blocks(noise), steps=30, lr=1e-2)
    assert float(real.min()) > 0.0 > float(made.max())
