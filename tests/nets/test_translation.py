"""What all networks of image translation have in common: sizes, ranges, and that they learn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gexbench.nets.initialise import seeded
from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions
from gexbench.nets.resunet import ResUNet, ResUNetOptions
from gexbench.nets.unet import UNet, UNetOptions

from .learning import images, share_left

SMALL: dict[str, Callable[[], nn.Module]] = {
    "resnet": lambda: ResNetGenerator(ResNetGeneratorOptions(blocks=1, channels=8)),
    "resnet on its input": lambda: ResNetGenerator(ResNetGeneratorOptions(blocks=1, channels=8, skip="input")),
    "unet by its own statistics": lambda: UNet(UNetOptions(depth=3, channels=8, dropout=0.0, norm="instance")),
    "u-net of residual blocks": lambda: ResUNet(ResUNetOptions(channels=8, depth=2, blocks=1)),
    "unet": lambda: UNet(UNetOptions(depth=3, channels=8, dropout=0.0)),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_keeps_the_size_and_stays_in_range(name: str) -> None:
    net = seeded(SMALL[name], 0).eval()
    y = net(images(2, 24)[..., :16]).detach()
    assert y.shape == (2, 3, 24, 16)
    assert 0.0 <= float(y.min()) < float(y.max()) <= 1.0


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_refuses_sides_it_cannot_halve(name: str) -> None:
    with pytest.raises(ValueError, match=r"multiples of \d.*, got 18x16"):
        SMALL[name]()(torch.rand(1, 3, 18, 16))


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_fits_one_pair(name: str) -> None:
    x = images(1, 16)
    assert share_left(seeded(SMALL[name], 0), x, 1.0 - x, steps=60, lr=3e-3) < 0.6


@pytest.mark.parametrize(("name", "chequered"), [("unet", True), ("u-net of residual blocks", False)])
def test_a_net_that_repeats_pixels_puts_no_pattern_on_a_plain_ground(name: str, chequered: bool) -> None:
    net = seeded(SMALL[name], 0).eval()
    inside = net(torch.full((1, 3, 64, 64), 0.3)).detach()[..., 24:40, 24:40]
    assert (float(inside.std(dim=(-2, -1)).max()) > 1e-4) is chequered


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_whose_last_layer_shouts_reaches_black_and_white_and_goes_no_further(name: str) -> None:
    net = seeded(SMALL[name], 0).eval()
    last = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)][-1]
    with torch.no_grad():
        last.weight.mul_(1e4)
        y = net(images(2, 16))
    assert (float(y.min()), float(y.max())) == (0.0, 1.0)


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_works_on_both_sides_of_grey(name: str) -> None:
    net, seen = seeded(SMALL[name], 0).eval(), list[torch.Tensor]()
    first = next(layer for layer in net.modules() if isinstance(layer, nn.Conv2d))
    first.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    net(torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 16, 16))
    assert [(float(x.min()), float(x.max())) for x in seen[0]] == [(-1.0, -1.0), (1.0, 1.0)]
