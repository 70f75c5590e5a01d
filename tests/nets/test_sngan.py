"""The networks of SNGAN: parameters layer by layer, the sizes of the paper's tables, first weights, and learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.sngan import SNGANGenerator, SNGANOptions, doubled, halved
from gexbench.nets.sngan_discriminator import SNGANDiscriminator

from .learning import blocks, drawn, images, share_left
from .small import sngan_discriminator as discriminator
from .small import sngan_generator as generator

SIDES = pytest.mark.parametrize("side", [32, 48, 64])


def latents(count: int, size: int = 8) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(0))


def conv(inputs: int, outputs: int, kernel: int) -> int:
    return inputs * outputs * kernel**2 + outputs


def generator_by_hand(start: int, widths: Sequence[int]) -> int:
    """Count a generator of 128 latents; `start` pixels after the dense layer, `widths` from there on."""
    dense = (128 + 1) * widths[0] * start**2
    blocks = sum(2 * a + conv(a, b, 3) + 2 * b + conv(b, b, 3) + conv(a, b, 1) for a, b in pairwise(widths))
    return dense + blocks + 2 * widths[-1] + conv(widths[-1], 3, 3)


@pytest.mark.parametrize(
    ("side", "channels", "start", "widths", "total"),
    [
        (32, 256, 4, (256, 256, 256, 256), 4_276_739),
        (48, 64, 6, (512, 256, 128, 64), 4_878_083),
        (64, 64, 4, (1024, 512, 256, 128, 64), 12_220_675),
    ],
)
def test_the_published_generators_have_the_parameters_of_their_layers(
    side: int, channels: int, start: int, widths: tuple[int, ...], total: int
) -> None:
    assert generator_by_hand(start, widths) == total
    with torch.device("meta"):
        net = SNGANGenerator(SNGANOptions(side, channels))
    assert sum(p.numel() for p in net.parameters()) == total


def sizes_after_blocks(net: SNGANGenerator | SNGANDiscriminator, x: Tensor) -> list[tuple[int, int]]:
    """Return width and side after each block."""
    sizes: list[tuple[int, int]] = []
    for block in net.blocks:
        block.register_forward_hook(lambda _, __, y: sizes.append((y.shape[1], y.shape[2])))
    net(x)
    return sizes


@pytest.mark.parametrize(
    ("side", "sizes"),
    [
        (32, [(4, 8), (4, 16), (4, 32)]),
        (48, [(16, 12), (8, 24), (4, 48)]),
        (64, [(32, 8), (16, 16), (8, 32), (4, 64)]),
    ],
)
def test_the_generators_blocks_have_the_sizes_of_the_tables(side: int, sizes: list[tuple[int, int]]) -> None:
    assert sizes_after_blocks(generator(side), latents(2)) == sizes


@SIDES
def test_latents_become_images_and_images_become_logits(side: int) -> None:
    made = generator(side)(latents(2))
    assert (made.shape, made.dtype) == ((2, 3, side, side), torch.float32)
    assert 0.0 <= float(made.detach().min()) < float(made.detach().max()) <= 1.0
    assert discriminator(side)(made).shape == (2, 1)


def test_a_latent_makes_the_same_image_in_every_batch() -> None:
    net = generator().eval()
    assert torch.allclose(net(latents(4))[1:2], net(latents(4)[1:2]), atol=1e-5)


def test_convolving_enlarged_images_in_one_step_gives_the_same_as_in_two() -> None:
    x, weight, bias = drawn(2, 3, 5, 5, seed=1), drawn(2, 3, 3, 3, seed=1), torch.ones(2)
    two = F.conv2d(F.interpolate(x, scale_factor=2), weight, bias, padding=1)
    assert torch.allclose(doubled(x, weight, bias), two, atol=1e-5)


def test_averaging_convolved_images_in_one_step_gives_the_same_as_in_two() -> None:
    x, weight, bias = drawn(2, 3, 6, 6, seed=1), drawn(2, 3, 3, 3, seed=1), torch.ones(2)
    two = F.avg_pool2d(F.conv2d(x, weight, bias, padding=1), 2)
    assert torch.allclose(halved(x, weight, bias), two, atol=1e-5)


def test_the_generators_block_is_the_one_of_the_paper() -> None:
    net: Any = generator(48)
    block, x = net.blocks[0], drawn(2, 32, 6, 6, seed=1)
    inner = block.first(F.interpolate(F.relu(block.norms[0](x)), scale_factor=2))
    wanted = block.second(F.relu(block.norms[1](inner))) + block.skip(F.interpolate(x, scale_factor=2))
    assert torch.allclose(block(x), wanted, atol=1e-5)


@pytest.mark.parametrize("build", [generator, discriminator])
def test_first_weights_are_glorots_with_more_in_the_blocks(build: Callable[[int], nn.Module]) -> None:
    net = build(64)
    weights = {name: p.detach() for name, p in net.named_parameters() if p.dim() > 1}
    for name, weight in weights.items():
        gain = 2.0**0.5 if name.startswith("blocks") and weight.shape[-1] == 3 else 1.0
        fan_out, fan_in = (weight[:, 0].numel(), weight[0].numel())
        bound = gain * (6.0 / (fan_in + fan_out)) ** 0.5
        assert float(weight.abs().max()) <= bound
        if weight.numel() > 500:
            assert float(weight.square().mean().sqrt()) == pytest.approx(bound / 3.0**0.5, rel=0.1)
    assert all(not p.any() for name, p in net.named_parameters() if name.endswith("bias"))


def test_both_nets_run_in_bfloat16_and_channels_last() -> None:
    makes, judges = generator(), discriminator()
    exact = makes(latents(4)).detach()
    for net in (makes, judges):
        net.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        made = makes(latents(4))
        logits = judges(made)
    logits.sum().backward()
    assert float((made.detach().float() - exact).abs().max()) < 0.1
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in makes.parameters())


def test_the_generator_fits_a_batch() -> None:
    assert share_left(generator(), latents(4), blocks(images(4, 32), 16), steps=20, lr=1e-2) < 0.5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SNGANOptions(side=40), "side 40 must be one of 32, 48, 64"),
        (lambda: SNGANOptions(channels=0), "channels 0"),
        (lambda: SNGANOptions(latent_size=0), "latent_size 0"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
