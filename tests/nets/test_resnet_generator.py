"""The residual generator of CycleGAN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gexbench.nets.resnet_generator import ReflectedBlock, ResNetGenerator, ResNetGeneratorOptions

from .learning import count, images


def test_it_has_the_published_parameters() -> None:
    with torch.device("meta"):
        assert count(ResNetGenerator()) == 11_378_179


def silent(skip: str) -> ResNetGenerator:
    """Return a net whose last layer gives zeros."""
    net = ResNetGenerator(ResNetGeneratorOptions(blocks=1, channels=8, skip=skip))
    nn.init.zeros_(net.layers[-1].weight)
    nn.init.zeros_(net.layers[-1].bias)
    return net


def test_a_net_that_adds_nothing_to_its_input_returns_it_nearly() -> None:
    x = images(2, 16)
    assert float((silent("input")(x).detach() - x).abs().max()) <= 0.011


def test_a_net_as_published_adds_to_nothing_and_so_makes_grey_of_silence() -> None:
    assert bool((silent("none")(images(2, 16)) == 0.5).all())


def test_a_residual_block_that_adds_nothing_returns_its_input() -> None:
    block, x = ReflectedBlock(4), torch.rand(1, 4, 6, 6)
    for layer in block.layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ResNetGeneratorOptions(blocks=0), "blocks 0"),
        (lambda: ResNetGeneratorOptions(skip="output"), "skip 'output'"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
