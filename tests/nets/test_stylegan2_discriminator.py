"""The discriminator of StyleGAN2: the authors' parameters layer by layer, the paper's equations, and learning."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.nets.stylegan2_discriminator import with_group_deviation

from .filters import smoothed
from .learning import blocks, count, drawn, images, told_apart
from .small import stylegan2_discriminator as discriminator
from .test_stylegan2 import published

FIRST = {1024: 9_248, 512: 36_928, 256: 147_584, 128: 590_080} | dict.fromkeys((64, 32, 16, 8), 2_359_808)
SECOND = {1024: 18_496, 512: 73_856, 256: 295_168, 128: 1_180_160} | dict.fromkeys((64, 32, 16, 8), 2_359_808)
SKIP = {1024: 2_048, 512: 8_192, 256: 32_768, 128: 131_072} | dict.fromkeys((64, 32, 16, 8), 262_144)


def test_every_layer_of_the_discriminator_has_the_parameters_the_authors_code_prints() -> None:
    _, net = published(1024)
    sides = [2**k for k in range(10, 2, -1)]
    assert count(net.from_rgb) == 128
    assert [count(block.first) for block in net.blocks] == [FIRST[side] for side in sides]
    assert [count(block.second) for block in net.blocks] == [SECOND[side] for side in sides]
    assert [count(block.skip) for block in net.blocks] == [SKIP[side] for side in sides]
    assert [count(layer) for layer in net.last if count(layer)] == [2_364_416, 4_194_816, 513]


def test_a_block_adds_its_branches_and_divides_by_the_root_of_two() -> None:
    block: Any = discriminator().blocks[0]
    x = drawn(2, 4, 16, 16)
    assert block.first.weight.shape == (4, 4, 3, 3)
    assert block.second[1].weight.shape == (8, 4, 3, 3)
    y = 2**0.5 * F.leaky_relu(F.conv2d(x, block.first.weight / 36**0.5, padding=1), 0.2)
    y = F.conv2d(smoothed(y)[..., 1:-1, 1:-1], block.second[1].weight / 36**0.5, stride=2)
    skip = F.conv2d(smoothed(x)[..., 2:-2, 2:-2][..., ::2, ::2], block.skip[1].weight / 4**0.5)
    assert torch.allclose(block(x), (2**0.5 * F.leaky_relu(y, 0.2) + skip) / 2**0.5, atol=1e-5)


def test_the_blocks_of_the_discriminator_see_features_of_colours_from_minus_one_to_one() -> None:
    net, seen, x = discriminator(), list[Tensor](), images(2, 16)
    net.blocks.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(x)
    y = F.conv2d(2.0 * x - 1.0, net.from_rgb.weight / 3**0.5)
    assert torch.allclose(seen[0], 2**0.5 * F.leaky_relu(y, 0.2), atol=1e-6)


def test_the_end_of_the_discriminator_scales_every_leaky_relu_by_the_root_of_two() -> None:
    net: Any = discriminator()
    x = drawn(4, 13, 4, 4)
    conv, _, _, dense, _, out = net.last
    y = 2**0.5 * F.leaky_relu(F.conv2d(x, conv.weight / (13 * 9) ** 0.5, padding=1), 0.2)
    y = 2**0.5 * F.leaky_relu(y.flatten(1) @ dense.weight.T / (12 * 16) ** 0.5, 0.2)
    assert torch.allclose(net.last(x), y @ out.weight.T / 12**0.5, atol=1e-5)


def test_the_deviation_is_that_of_four_images() -> None:
    x = drawn(8, 3, 4, 4)
    seen = with_group_deviation(x)
    assert torch.equal(seen[:, :3], x)
    for group, part in zip(x.split(4), seen[:, 3].split(4), strict=True):
        wanted = group.var(dim=0, correction=0).add(1e-8).sqrt().mean()
        assert torch.allclose(part, wanted.expand(4, 4, 4), atol=1e-6)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_a_batch_that_four_do_not_divide_is_one_group(number: int) -> None:
    x = drawn(number, 3, 4, 4)
    wanted = x.var(dim=0, correction=0).add(1e-8).sqrt().mean()
    assert torch.allclose(with_group_deviation(x)[:, 3], wanted.expand(number, 4, 4), atol=1e-6)


def test_the_discriminator_gives_a_logit_an_image_and_refuses_other_sides() -> None:
    assert discriminator()(images(3, 16)).shape == (3, 1)
    with pytest.raises(ValueError, match="sides must be 16x16, got 8x16"):
        discriminator()(images(1, 16)[:, :, :8])


def test_it_learns_to_tell_noise_from_blocks() -> None:
    noise = images(4, 16)
    real, made = told_apart(discriminator(), noise, blocks(noise), steps=20, lr=1e-2)
    assert float(real.min()) > 0.0 > float(made.max())
