"""The networks of SNGAN: parameters layer by layer, the sizes of the paper's tables, first weights, and learning."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.initialise import seeded
from gexbench.nets.sngan import SNGANGenerator, SNGANOptions, doubled, halved
from gexbench.nets.sngan_discriminator import SNGANDiscriminator

SIDES = pytest.mark.parametrize("side", [32, 48, 64])


def generator(side: int = 32) -> SNGANGenerator:
    return seeded(lambda: SNGANGenerator(SNGANOptions(side, 4, 8)), 0)


def discriminator(side: int = 32, seed: int = 0) -> SNGANDiscriminator:
    return seeded(lambda: SNGANDiscriminator(side, 4), seed)


def latents(count: int, size: int = 8) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(0))


def images(count: int, side: int = 32) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def features(channels: int, side: int) -> Tensor:
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(1))


def conv(inputs: int, outputs: int, kernel: int) -> int:
    return inputs * outputs * kernel**2 + outputs


def generator_by_hand(start: int, widths: Sequence[int]) -> int:
    """Count a generator of 128 latents; `start` pixels after the dense layer, `widths` from there on."""
    dense = (128 + 1) * widths[0] * start**2
    blocks = sum(2 * a + conv(a, b, 3) + 2 * b + conv(b, b, 3) + conv(a, b, 1) for a, b in pairwise(widths))
    return dense + blocks + 2 * widths[-1] + conv(widths[-1], 3, 3)


def discriminator_by_hand(widths: Sequence[int], without_skip: int) -> int:
    """Count a discriminator whose blocks have `widths`, the last `without_skip` of them without a 1x1 convolution."""
    pairs = list(pairwise(widths))
    first = conv(3, widths[0], 3) + conv(widths[0], widths[0], 3) + conv(3, widths[0], 1)
    blocks = sum(conv(a, a, 3) + conv(a, b, 3) for a, b in pairs)
    skips = sum(conv(a, b, 1) for a, b in pairs[: len(pairs) - without_skip])
    return first + blocks + skips + widths[-1] + 1


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


@pytest.mark.parametrize(
    ("side", "channels", "widths", "without_skip", "total"),
    [
        (32, 128, (128, 128, 128, 128), 2, 1_053_825),
        (48, 64, (64, 128, 256, 512, 1024), 0, 10_141_441),
        (64, 64, (64, 128, 256, 512, 1024), 0, 10_141_441),
    ],
)
def test_the_published_discriminators_have_the_parameters_of_their_layers(
    side: int, channels: int, widths: tuple[int, ...], without_skip: int, total: int
) -> None:
    assert discriminator_by_hand(widths, without_skip) == total
    net = seeded(lambda: SNGANDiscriminator(side, channels), 0)
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


@pytest.mark.parametrize(
    ("side", "sizes"),
    [
        (32, [(4, 16), (4, 8), (4, 8), (4, 8)]),
        (48, [(4, 24), (8, 12), (16, 6), (32, 3), (64, 3)]),
        (64, [(4, 32), (8, 16), (16, 8), (32, 4), (64, 2)]),
    ],
)
def test_the_discriminators_blocks_have_the_sizes_of_the_tables(side: int, sizes: list[tuple[int, int]]) -> None:
    assert sizes_after_blocks(discriminator(side), images(2, side)) == sizes


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
    x, weight, bias = features(3, 5), features(3, 3), torch.ones(2)
    two = F.conv2d(F.interpolate(x, scale_factor=2), weight, bias, padding=1)
    assert torch.allclose(doubled(x, weight, bias), two, atol=1e-5)


def test_averaging_convolved_images_in_one_step_gives_the_same_as_in_two() -> None:
    x, weight, bias = features(3, 6), features(3, 3), torch.ones(2)
    two = F.avg_pool2d(F.conv2d(x, weight, bias, padding=1), 2)
    assert torch.allclose(halved(x, weight, bias), two, atol=1e-5)


def test_the_generators_block_is_the_one_of_the_paper() -> None:
    net: Any = generator(48)
    block, x = net.blocks[0], features(32, 6)
    inner = block.first(F.interpolate(F.relu(block.norms[0](x)), scale_factor=2))
    wanted = block.second(F.relu(block.norms[1](inner))) + block.skip(F.interpolate(x, scale_factor=2))
    assert torch.allclose(block(x), wanted, atol=1e-5)


def test_the_discriminators_blocks_are_those_of_the_paper() -> None:
    net: Any = discriminator(32).eval()
    start, halving, keeping, _ = net.blocks
    x, y = images(2, 8), features(4, 8)
    wanted = F.avg_pool2d(start.second(F.relu(start.first(x))), 2) + start.skip(F.avg_pool2d(x, 2))
    assert torch.allclose(start(x), wanted, atol=1e-5)
    added = halving.second(F.relu(halving.first(F.relu(y))))
    assert torch.allclose(halving(y), F.avg_pool2d(added + halving.skip(y), 2), atol=1e-5)
    assert torch.allclose(keeping(y), y + keeping.second(F.relu(keeping.first(F.relu(y)))), atol=1e-5)


def test_the_logit_is_a_weighted_sum_of_all_places() -> None:
    net: Any = discriminator().eval()
    x = images(2)
    places = F.relu(net.blocks(2.0 * x - 1.0)).flatten(2)
    assert torch.allclose(net(x), torch.einsum("ncp,oc->no", places, net.last.weight) + net.last.bias, atol=1e-5)


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


@SIDES
def test_every_layer_of_the_discriminator_has_norm_one(side: int) -> None:
    net = discriminator(side)
    for _ in range(20):
        net(images(1, side))
    net.eval()
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) == pytest.approx(1.0, abs=0.03)


def test_a_saved_discriminator_goes_on_with_the_same_bits() -> None:
    net, other = discriminator(), discriminator(seed=1)
    net(images(1))
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(3):
        assert torch.equal(other(images(1)), net(images(1)))


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
    net, z = generator(), latents(4)
    wanted = images(4)[..., ::16, ::16].repeat_interleave(16, -1).repeat_interleave(16, -2)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        loss = (net(z) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


def test_the_discriminator_learns_to_tell_noise_from_blocks() -> None:
    net, noise = discriminator(), images(4, 16)
    blocks = noise[..., ::8, ::8].repeat_interleave(8, -1).repeat_interleave(8, -2)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(20):
        loss = F.relu(1.0 - net(noise)).mean() + F.relu(1.0 + net(blocks)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(net(noise).detach().min()) > 0.0 > float(net(blocks).detach().max())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SNGANOptions(side=40), "side 40 must be one of 32, 48, 64"),
        (lambda: SNGANOptions(channels=0), "channels 0"),
        (lambda: SNGANOptions(latent_size=0), "latent_size 0"),
        (lambda: SNGANDiscriminator(side=128), "side 128 must be one of 32, 48, 64"),
        (lambda: SNGANDiscriminator(channels=0), "channels 0"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
