"""The discriminator of SNGAN: parameters layer by layer, the sizes of the paper's tables, norms, and learning."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gexbench.nets.initialise import seeded
from gexbench.nets.sngan_discriminator import SNGANDiscriminator

from .learning import blocks, drawn, images, told_apart
from .small import sngan_discriminator as discriminator
from .test_sngan import SIDES, conv, sizes_after_blocks


def discriminator_by_hand(widths: Sequence[int], without_skip: int) -> int:
    """Count a discriminator whose blocks have `widths`, the last `without_skip` of them without a 1x1 convolution."""
    pairs = list(pairwise(widths))
    first = conv(3, widths[0], 3) + conv(widths[0], widths[0], 3) + conv(3, widths[0], 1)
    blocks = sum(conv(a, a, 3) + conv(a, b, 3) for a, b in pairs)
    skips = sum(conv(a, b, 1) for a, b in pairs[: len(pairs) - without_skip])
    return first + blocks + skips + widths[-1] + 1


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


def test_the_discriminators_blocks_are_those_of_the_paper() -> None:
    net: Any = discriminator(32).eval()
    start, halving, keeping, _ = net.blocks
    x, y = images(2, 8), drawn(2, 4, 8, 8, seed=1)
    wanted = F.avg_pool2d(start.second(F.relu(start.first(x))), 2) + start.skip(F.avg_pool2d(x, 2))
    assert torch.allclose(start(x), wanted, atol=1e-5)
    added = halving.second(F.relu(halving.first(F.relu(y))))
    assert torch.allclose(halving(y), F.avg_pool2d(added + halving.skip(y), 2), atol=1e-5)
    assert torch.allclose(keeping(y), y + keeping.second(F.relu(keeping.first(F.relu(y)))), atol=1e-5)


def test_the_logit_is_a_weighted_sum_of_all_places() -> None:
    net: Any = discriminator().eval()
    x = images(2, 32)
    places = F.relu(net.blocks(2.0 * x - 1.0)).flatten(2)
    assert torch.allclose(net(x), torch.einsum("ncp,oc->no", places, net.last.weight) + net.last.bias, atol=1e-5)


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
    net(images(1, 32))
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(3):
        assert torch.equal(other(images(1, 32)), net(images(1, 32)))


def test_it_learns_to_tell_noise_from_blocks() -> None:
    noise = images(4, 16)
    real, made = told_apart(discriminator(), noise, blocks(noise), steps=20, lr=1e-2)
    assert float(real.min()) > 0.0 > float(made.max())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SNGANDiscriminator(side=128), "side 128 must be one of 32, 48, 64"),
        (lambda: SNGANDiscriminator(channels=0), "channels 0"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
