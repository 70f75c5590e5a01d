"""The U-Net of residual blocks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from gexbench.nets.initialise import seeded
from gexbench.nets.resunet import ResUNet, ResUNetOptions


def small() -> ResUNet:
    return seeded(lambda: ResUNet(ResUNetOptions(channels=8, depth=2, blocks=1)), 0)


def test_a_u_net_of_residual_blocks_tells_a_dark_ground_from_a_bright_one() -> None:
    net = small()
    dark, bright = (net(torch.full((1, 3, 16, 16), value)).detach() for value in (0.2, 0.8))
    assert float((dark - bright).abs().mean()) > 0.01


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ResUNetOptions(depth=0), "depth 0"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
