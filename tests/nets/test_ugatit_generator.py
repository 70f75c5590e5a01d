"""The generator of U-GAT-IT: parameter counts layer by layer, normalisations, shapes, ranges, and that it learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gexbench.nets.initialise import seeded
from gexbench.nets.ugatit_generator import (
    LIN,
    AdaLIN,
    ClassActivation,
    UGATITGenerator,
    UGATITGeneratorOptions,
    clip_rho,
)

from .learning import images
from .small import ugatit_discriminator as discriminator
from .small import ugatit_generator as generator

KINDS = pytest.mark.parametrize("light", [False, True])


def generator_by_hand(light: bool) -> int:
    """Count layer by layer for 64 channels, 4 blocks and 256 pixels; no convolution but the 1x1 one has biases."""
    encode = 3 * 64 * 7**2 + 64 * 128 * 3**2 + 128 * 256 * 3**2
    blocks = 4 * 2 * 256 * 256 * 3**2
    attention = 2 * 256 + (512 * 256 + 256)
    style = (1 if light else 64 * 64) * 256 * 256 + 256 * 256 + 2 * 256 * 256
    rhos = 4 * 2 * 256
    decode = (256 * 128 * 3**2 + 3 * 128) + (128 * 64 * 3**2 + 3 * 64) + 64 * 3 * 7**2
    return encode + blocks + attention + style + (blocks + rhos) + decode


@pytest.mark.parametrize(("light", "total"), [(False, 278_959_808), (True, 10_589_888)])
def test_the_published_generator_has_the_published_parameters(light: bool, total: int) -> None:
    assert generator_by_hand(light) == total
    with torch.device("meta"):
        net = UGATITGenerator(UGATITGeneratorOptions(light=light))
    assert sum(p.numel() for p in net.parameters()) == total


@KINDS
def test_the_generator_keeps_the_size_and_stays_in_range(light: bool) -> None:
    y, logits = generator(light).attended(images(2, 16))
    assert (y.shape, logits.shape) == ((2, 3, 16, 16), (2, 2))
    assert 0.0 <= float(y.detach().min()) < float(y.detach().max()) <= 1.0


def test_the_images_are_the_same_with_and_without_the_logits() -> None:
    net, x = generator(True), images(2, 16)
    assert torch.equal(net(x), net.attended(x)[0])


@KINDS
def test_images_of_a_batch_do_not_touch_each_other(light: bool) -> None:
    net, x = generator(light), images(2, 16)
    alone = torch.cat([net(x[:1]), net(x[1:])])
    assert torch.allclose(net(x), alone, atol=1e-5)


def test_the_light_generator_takes_other_sides_too() -> None:
    assert generator(True)(images(1, 24)[..., :12]).shape == (1, 3, 24, 12)


@pytest.mark.parametrize(
    ("light", "side", "message"),
    [(False, 20, "sides must be 16x16, got 20x20"), (True, 18, "of 4, 8 or more, got 18x18"), (True, 4, "got 4x4")],
)
def test_the_generator_refuses_other_sides(light: bool, side: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generator(light)(images(1, side))


@pytest.mark.parametrize("rho", [0.0, 0.25, 1.0])
def test_the_normalisation_lies_between_layer_and_instance_norm(rho: float) -> None:
    x = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0)) * torch.arange(1.0, 5.0).view(1, 4, 1, 1)
    gamma, beta = (torch.rand(2, 4, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    wanted = rho * F.instance_norm(x) + (1.0 - rho) * F.layer_norm(x, x.shape[1:])
    adaptive, plain = AdaLIN(4), LIN(4)
    with torch.no_grad():
        adaptive.rho.fill_(rho)
        plain.rho.fill_(rho)
    styled = wanted * gamma[:, :, None, None] + beta[:, :, None, None]
    assert torch.allclose(adaptive(x, gamma, beta), styled, atol=1e-5)
    assert torch.allclose(plain(x), wanted, atol=1e-5)


def test_rho_starts_at_the_published_values() -> None:
    rhos = {name: set(p.flatten().tolist()) for name, p in generator(True).named_parameters() if name.endswith("rho")}
    assert len(rhos) == 4
    for name, values in rhos.items():
        assert list(values) == [pytest.approx(0.9 if name.startswith("blocks") else 0.0)]


def test_clipping_brings_every_rho_back_and_touches_nothing_else() -> None:
    net, before = generator(True), generator(True).state_dict()
    rhos = [p for name, p in net.named_parameters() if name.endswith("rho")]
    with torch.no_grad():
        for rho in rhos:
            rho.copy_(torch.linspace(-1.0, 2.0, rho.numel()).view_as(rho))
    clip_rho(net)
    assert all((float(rho.detach().min()), float(rho.detach().max())) == (0.0, 1.0) for rho in rhos)
    assert all(torch.equal(p, before[name]) for name, p in net.state_dict().items() if not name.endswith("rho"))


def test_the_attention_scales_features_by_the_weights_of_both_classifiers() -> None:
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    net: Any = seeded(lambda: ClassActivation(3, nn.Identity()), 0)
    y, logits = net(x)
    average, maximum = net.average.weight[0], net.maximum.weight[0]
    assert torch.allclose(logits[:, 0], x.mean(dim=(2, 3)) @ average, atol=1e-6)
    assert torch.allclose(logits[:, 1], x.flatten(2).max(dim=2).values @ maximum, atol=1e-6)
    scaled = torch.cat([x * average.view(1, 3, 1, 1), x * maximum.view(1, 3, 1, 1)], dim=1)
    assert torch.allclose(y, net.mix(scaled), atol=1e-6)


@KINDS
@pytest.mark.parametrize("training", [True, False])
def test_both_nets_run_in_bfloat16_and_channels_last(light: bool, training: bool) -> None:
    x = images(2, 16).to(memory_format=torch.channels_last)
    makes, judges = generator(light).train(training), discriminator().train(training)
    exact = makes(x).detach()
    for net in (makes, judges):
        net.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        y, logits = makes.attended(x)
        judged = judges(y)
    torch.stack([part.float().mean() for part in (logits, *(p for pair in judged for p in pair))]).sum().backward()
    assert float((y.detach().float() - exact).abs().max()) < 0.1
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in judges.parameters())


@KINDS
def test_the_generator_fits_one_pair(light: bool) -> None:
    net, x, wanted = generator(light), images(1, 16), 1.0 - images(1, 16)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = (net(x) - wanted).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        clip_rho(net)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_a_generator_that_adds_nothing_to_its_input_returns_it_nearly() -> None:
    net = seeded(lambda: UGATITGenerator(UGATITGeneratorOptions(8, 1, 16, light=True, skip="input")), 0)
    nn.init.zeros_(net.decode[-1].weight)
    x = images(2, 16)
    assert float((net(x).detach() - x).abs().max()) <= 0.011


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UGATITGeneratorOptions(channels=0), "channels 0"),
        (lambda: UGATITGeneratorOptions(blocks=0), "blocks 0"),
        (lambda: UGATITGeneratorOptions(side=62), "side 62"),
        (lambda: UGATITGeneratorOptions(side=4), "side 4"),
        (lambda: UGATITGeneratorOptions(skip="output"), "skip 'output' must be"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
