"""The discriminators of U-GAT-IT: parameter counts layer by layer, shapes, norms, and that they learn."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from gexbench.nets.initialise import seeded
from gexbench.nets.ugatit_discriminator import UGATITDiscriminator

from .learning import blocks, images
from .small import ugatit_discriminator as discriminator


def judge_by_hand(depth: int) -> int:
    """Count layer by layer for 64 channels; the last layer has no bias."""
    widths = [3, 64, 128, 256, 512, 1024, 2048][:depth]
    convolutions = sum(a * b * 4**2 + b for a, b in pairwise(widths))
    top = widths[-1]
    return convolutions + 2 * top + (2 * top * top + top) + top * 4**2


def test_the_published_discriminators_have_the_published_parameters() -> None:
    net = seeded(UGATITDiscriminator, 0)
    assert [judge_by_hand(depth) for depth in (5, 7)] == [3_290_560, 53_130_176]
    assert [sum(p.numel() for p in judge.parameters()) for judge in net.judges] == [3_290_560, 53_130_176]


def test_the_discriminators_give_patches_and_attention_for_each_depth() -> None:
    shapes = [(patches.shape, logits.shape) for patches, logits in discriminator()(images(2, 24))]
    assert shapes == [((2, 1, 10, 10), (2, 2)), ((2, 1, 4, 4), (2, 2))]


def test_the_discriminators_take_the_smallest_images_and_refuse_smaller_ones() -> None:
    assert discriminator()(images(1, 12))[1][0].shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match="12 or more, got 11x11"):
        discriminator()(images(1, 11))


def test_every_layer_of_the_discriminators_but_the_mixing_one_has_norm_one() -> None:
    net = discriminator()
    for _ in range(30):
        net(images(1, 12))
    net.eval()
    layers = {name: module for name, module in net.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))}
    norms = {name: float(torch.linalg.matrix_norm(m.weight.detach().flatten(1), 2)) for name, m in layers.items()}
    bounded = {name for name, norm in norms.items() if norm == pytest.approx(1.0, abs=0.02)}
    assert set(norms) - bounded == {"judges.0.attention.mix", "judges.1.attention.mix"}


def test_a_saved_discriminator_goes_on_with_the_same_bits() -> None:
    def logits(net: nn.Module) -> Tensor:
        return torch.cat([part.flatten() for pair in net(images(1, 12)) for part in pair])

    net, other = discriminator(), discriminator(1)
    logits(net)
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(3):
        assert torch.equal(logits(other), logits(net))


def test_the_discriminators_learn_to_tell_noise_from_blocks() -> None:
    net, noise = discriminator(), images(4, 24)
    made = blocks(noise)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(40):
        told, taken = net(noise), net(made)
        loss = sum((1.0 - part).square().mean() for pair in told for part in pair)
        loss = loss + sum(part.square().mean() for pair in taken for part in pair)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    net.eval()
    for (high, _), (low, _) in zip(net(noise), net(made), strict=True):
        assert float(high.detach().mean()) > 0.5 > float(low.detach().mean())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UGATITDiscriminator(layers=(2, 5)), r"layers \(2, 5\)"),
        (lambda: UGATITDiscriminator(layers=()), r"layers \(\)"),
        (lambda: UGATITDiscriminator(channels=0), "channels 0"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
