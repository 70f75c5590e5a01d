"""The networks of image translation: parameter counts as published, shapes, ranges, and that they learn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gexbench.nets.initialise import seeded
from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions
from gexbench.nets.resunet import ResUNet, ResUNetOptions
from gexbench.nets.unet import UNet, UNetOptions

SMALL: dict[str, Callable[[], nn.Module]] = {
    "resnet": lambda: ResNetGenerator(ResNetGeneratorOptions(blocks=1, channels=8)),
    "resnet on its input": lambda: ResNetGenerator(ResNetGeneratorOptions(blocks=1, channels=8, skip="input")),
    "unet by its own statistics": lambda: UNet(UNetOptions(depth=3, channels=8, dropout=0.0, norm="instance")),
    "u-net of residual blocks": lambda: ResUNet(ResUNetOptions(channels=8, depth=2, blocks=1)),
    "unet": lambda: UNet(UNetOptions(depth=3, channels=8, dropout=0.0)),
}


def _images(count: int, side: int) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(side))


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (ResNetGenerator, 11_378_179),
        (PatchGAN, 2_764_737),
        (lambda: PatchGAN(6, norm="batch"), 2_768_705),
        (UNet, 54_413_955),
        (lambda: UNet(UNetOptions(norm="instance")), 54_413_955),
    ],
)
def test_the_published_nets_have_the_published_parameters(build: Callable[[], nn.Module], parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in build().parameters()) == parameters


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_keeps_the_size_and_stays_in_range(name: str) -> None:
    net = seeded(SMALL[name], 0).eval()
    y = net(_images(2, 24)[..., :16]).detach()
    assert y.shape == (2, 3, 24, 16)
    assert 0.0 <= float(y.min()) < float(y.max()) <= 1.0


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_refuses_sides_it_cannot_halve(name: str) -> None:
    with pytest.raises(ValueError, match=r"multiples of \d.*, got 18x16"):
        SMALL[name]()(torch.rand(1, 3, 18, 16))


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_fits_one_pair(name: str) -> None:
    net = seeded(SMALL[name], 0)
    x, wanted = _images(1, 16), 1.0 - _images(1, 16)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = (net(x) - wanted).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_a_net_that_adds_nothing_to_its_input_returns_it_nearly() -> None:
    net = ResNetGenerator(ResNetGeneratorOptions(blocks=1, channels=8, skip="input"))
    nn.init.zeros_(net.layers[-1].weight)
    nn.init.zeros_(net.layers[-1].bias)
    x = _images(2, 16)
    assert float((net(x).detach() - x).abs().max()) <= 0.011


def test_the_instance_norm_of_a_u_net_is_the_batch_norm_of_one_image_at_a_time() -> None:
    batch, instance = (seeded(lambda: UNet(UNetOptions(3, 8, 0.0, norm)), 0) for norm in ("batch", "instance"))  # noqa: B023
    x = _images(2, 16)
    one_by_one = torch.cat([batch.train()(image[None]) for image in x])
    assert torch.allclose(instance.eval()(x), one_by_one, atol=1e-6)


@pytest.mark.parametrize(("name", "chequered"), [("unet", True), ("u-net of residual blocks", False)])
def test_a_net_that_repeats_pixels_puts_no_pattern_on_a_plain_ground(name: str, chequered: bool) -> None:
    net = seeded(SMALL[name], 0).eval()
    inside = net(torch.full((1, 3, 64, 64), 0.3)).detach()[..., 24:40, 24:40]
    assert (float(inside.std(dim=(-2, -1)).max()) > 1e-4) is chequered


def test_a_u_net_of_residual_blocks_tells_a_dark_ground_from_a_bright_one() -> None:
    net = seeded(SMALL["u-net of residual blocks"], 0)
    dark, bright = (net(torch.full((1, 3, 16, 16), value)).detach() for value in (0.2, 0.8))
    assert float((dark - bright).abs().mean()) > 0.01


def test_dropout_stands_in_the_three_inner_layers_of_the_published_u_net() -> None:
    with torch.device("meta"):
        net = UNet()
    dropped = [any(isinstance(layer, nn.Dropout) for layer in up.layers) for up in net.up]
    assert dropped == [False, True, True, True, False, False, False, False]


def test_a_logit_of_the_patch_discriminator_sees_70_pixels() -> None:
    net = seeded(lambda: PatchGAN(channels=4, norm="batch"), 0).eval()
    x = _images(1, 256).requires_grad_()
    net(x)[0, 0, 15, 15].backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(dim=0).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [70, 70]


def test_the_patch_discriminator_learns_to_tell_noise_from_blocks() -> None:
    net = seeded(lambda: PatchGAN(channels=8), 0)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    noise = _images(4, 32)
    blocks = noise[..., ::8, ::8].repeat_interleave(8, -1).repeat_interleave(8, -2)
    for _ in range(30):
        loss = softplus(-net(noise)).mean() + softplus(net(blocks)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(net(noise).detach().mean()) > 0.0 > float(net(blocks).detach().mean())


def test_under_the_spectral_norm_no_layer_of_the_patch_discriminator_lengthens_what_it_gets() -> None:
    net = seeded(lambda: PatchGAN(channels=4, norm="spectral"), 0)
    x = _images(1, 32)
    for _ in range(100):
        net(x)  # each pass in training mode is a step of the power iteration
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    longest = [float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) for layer in layers]
    assert longest == pytest.approx([1.0] * 5, abs=1e-2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UNetOptions(depth=1), "depth 1"),
        (lambda: UNetOptions(dropout=1.0), r"dropout 1\.0"),
        (lambda: UNetOptions(norm="layer"), "norm 'layer'"),
        (lambda: ResUNetOptions(depth=0), "depth 0"),
        (lambda: ResNetGeneratorOptions(blocks=0), "blocks 0"),
        (lambda: ResNetGeneratorOptions(skip="output"), "skip 'output'"),
        (lambda: PatchGAN(norm="layer"), "norm 'layer'"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
