"""The residual generator of CycleGAN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions

from .learning import count, images


def test_it_has_the_published_parameters() -> None:
    with torch.device("meta"):
        assert count(ResNetGenerator()) == 11_378_179


def test_a_net_that_adds_nothing_to_its_input_returns_it_nearly() -> None:
    net = ResNetGenerator(ResNetGeneratorOptions(blocks=1, channels=8, skip="input"))
    nn.init.zeros_(net.layers[-1].weight)
    nn.init.zeros_(net.layers[-1].bias)
    x = images(2, 16)
    assert float((net(x).detach() - x).abs().max()) <= 0.011


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
