"""The networks of StyleGAN2: the authors' parameters layer by layer, the paper's equations, and learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.initialise import reset, seeded
from gexbench.nets.stylegan2 import StyledLayer, StyleGAN2Generator, StyleGAN2Options, ToRGB
from gexbench.nets.stylegan2_discriminator import StyleGAN2Discriminator

from .filters import smoothed, spread
from .learning import blocks, count, drawn, images, share_left
from .small import stylegan2_discriminator as discriminator
from .small import stylegan2_generator as generator

STYLED = {"4": 2_622_465, "8": 2_622_465, "16": 2_622_465, "32": 2_622_465, "64": 2_622_465}
ENLARGING = {"8": 2_622_465, "16": 2_622_465, "32": 2_622_465, "64": 2_622_465}
STYLED |= {"128": 721_409, "256": 213_249, "512": 69_761, "1024": 25_665}
ENLARGING |= {"128": 1_442_561, "256": 426_369, "512": 139_457, "1024": 51_297}
COLOURS = dict.fromkeys(("4", "8", "16", "32", "64"), 264_195)
COLOURS |= {"128": 132_099, "256": 66_051, "512": 33_027, "1024": 16_515}


def noisy_generator() -> StyleGAN2Generator:
    net = generator()
    for name, p in net.named_parameters():
        if name.endswith("strength"):
            nn.init.constant_(p, 0.5)
    return net


def published(side: int, base: int = 32768, layers: int = 8) -> tuple[StyleGAN2Generator, StyleGAN2Discriminator]:
    options = StyleGAN2Options(side, mapping_layers=layers, channel_base=base)
    with torch.device("meta"):
        return StyleGAN2Generator(options), StyleGAN2Discriminator(options)


def test_every_layer_of_the_generator_has_the_parameters_the_authors_code_prints() -> None:
    net, _ = published(1024)
    sides = [str(2**k) for k in range(2, 11)]
    assert [count(layer) for layer in net.mapping] == [262_656] * 8
    assert count(net.constant) == 8_192
    assert [count(layer) for layer in net.layers[::2]] == [STYLED[side] for side in sides]
    assert [count(layer) for layer in net.layers[1::2]] == [ENLARGING[side] for side in sides[1:]]
    assert [count(layer) for layer in net.to_rgb] == [COLOURS[side] for side in sides]
    assert net.styles == 18


@pytest.mark.parametrize(
    ("side", "base", "layers", "totals"),
    [
        (1024, 32768, 8, (30_370_060, 29_012_513)),
        (1024, 32768, 2, (28_794_124, 29_012_513)),
        (512, 32768, 8, (30_276_583, 28_982_849)),
        (256, 32768, 8, (30_034_338, 28_864_129)),
        (256, 16384, 8, (24_767_458, 24_001_089)),
    ],
)
def test_the_published_networks_have_the_published_parameters(
    side: int, base: int, layers: int, totals: tuple[int, int]
) -> None:
    makes, judges = published(side, base, layers)
    assert (count(makes), count(judges)) == totals


@pytest.mark.parametrize("enlarges", [False, True])
def test_a_layer_is_the_papers_equations_with_weights_of_each_images_own(enlarges: bool) -> None:
    layer: Any = seeded(lambda: StyledLayer(6, 5, 16 if enlarges else 8, 7, enlarges), 0).eval()
    nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(3))
    nn.init.constant_(layer.strength, 0.3)
    x, w = drawn(3, 6, 8, 8), drawn(3, 7, seed=1)
    style = w @ layer.affine.weight.T / 7**0.5 + 1.0
    modulated = style[:, None, :, None, None] * layer.weight
    weights = modulated / (modulated.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    one_by_one = [
        smoothed(F.conv2d(F.pad(spread(image[None]), (2, 1, 2, 1)), own.flip((2, 3))), 4.0)[..., 2:-2, 2:-2]
        if enlarges
        else F.conv2d(image[None], own, padding=1)
        for image, own in zip(x, weights, strict=True)
    ]
    wanted = torch.cat(one_by_one) + 0.3 * layer.noise + layer.bias[:, None, None]
    assert torch.allclose(layer(x, w), 2**0.5 * F.leaky_relu(wanted, 0.2), atol=1e-5)


def test_colours_are_not_divided_by_the_norm_of_the_weights() -> None:
    layer = seeded(lambda: ToRGB(6, 7), 0)
    x, w = drawn(2, 6, 4, 4), drawn(2, 7, seed=1)
    style = w @ layer.affine.weight.T / 7**0.5 + 1.0
    wanted = torch.einsum("nchw,nc,oc->nohw", x, style, layer.weight[:, :, 0, 0]) / 6**0.5
    assert torch.allclose(layer(x, w), wanted, atol=1e-6)


def test_features_keep_their_size_whatever_the_style() -> None:
    layer = seeded(lambda: StyledLayer(48, 48, 16, 8), 0)
    y = layer(drawn(4, 48, 16, 16), 30.0 * drawn(4, 8, seed=1))
    assert torch.allclose(y.square().mean(dim=(1, 2, 3)), torch.ones(4), atol=0.15)


def test_the_mapping_normalises_latents_and_learns_a_hundred_times_slower() -> None:
    net: Any = generator()
    z = drawn(3, 8)
    y = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    for layer in net.mapping:
        y = 2**0.5 * F.leaky_relu(0.01 * (y @ layer.weight.T / 8**0.5 + layer.bias), 0.2)
        assert float(layer.weight.detach().std()) == pytest.approx(100.0, rel=0.2)
    assert torch.allclose(net.mapped(z), y[:, None].expand(3, 6, 8), atol=1e-5)
    assert torch.allclose(net.mapped(5.0 * z), net.mapped(z), atol=1e-5)


def test_a_smaller_image_is_added_to_each_larger_one() -> None:
    net: Any = generator()
    z = drawn(2, 8)
    with torch.no_grad():
        for layer in net.to_rgb[1:]:
            layer.weight.zero_()
    y = net.layers[0](net.constant.expand(2, -1, -1, -1), net.mapped(z)[:, 0])
    image = net.to_rgb[0](y, net.mapped(z)[:, 1])
    for _ in range(2):
        image = smoothed(spread(image), 4.0)[..., 1:-2, 1:-2]
    assert torch.allclose(net(z), (image + 1.0) / 2.0, atol=1e-5)


def test_a_style_steers_its_own_layers_alone() -> None:
    net, w = generator(), generator().mapped(drawn(1, 8)).clone()
    seen: list[Tensor] = []
    for layer in [*net.layers, *net.to_rgb]:
        layer.affine.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    net.synthesised(torch.arange(6.0).view(1, 6, 1).expand(1, 6, 8) + 0.0 * w)
    assert [int(style[0, 0]) for style in seen] == [0, 1, 1, 2, 3, 3, 4, 5]


def test_styles_of_two_latents_can_be_mixed() -> None:
    net = generator().eval()
    first, second = net.mapped(drawn(2, 8)), net.mapped(drawn(2, 8, seed=1))
    mixed = torch.cat([first[:, :3], second[:, 3:]], dim=1)
    made = [net.synthesised(w).detach() for w in (first, second, mixed)]
    assert torch.equal(made[0], net(drawn(2, 8)))
    assert all(float((made[2] - other).abs().max()) > 0.01 for other in made[:2])


def test_a_latent_is_always_the_same_image_in_evaluation() -> None:
    net, z = noisy_generator().eval(), drawn(3, 8)
    assert torch.equal(net(z), net(z))
    assert torch.allclose(net(z), torch.cat([net(one) for one in z.split(1)]), atol=1e-5)


def test_a_saved_generator_makes_the_same_images() -> None:
    net, other = noisy_generator().eval(), generator(1).eval()
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(drawn(2, 8)), net(drawn(2, 8)))


def test_noise_is_drawn_anew_while_training_and_one_seed_draws_the_same() -> None:
    net, z = noisy_generator(), drawn(1, 8).expand(2, -1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second = net(z), net(z)
        torch.manual_seed(0)
        assert torch.equal(net(z), first)
    assert not torch.allclose(first, second, atol=0.01)
    assert not torch.allclose(first[0], first[1], atol=0.01)


def test_a_generator_makes_images_of_its_side_and_clamps_them_in_evaluation_alone() -> None:
    net = generator()
    trained, shown = net(8.0 * drawn(4, 8)).detach(), net.eval()(8.0 * drawn(4, 8)).detach()
    assert (shown.shape, shown.dtype, net.latent_size) == ((4, 3, 16, 16), torch.float32, 8)
    assert 0.0 <= float(shown.min()) < float(shown.max()) <= 1.0
    assert float(trained.min()) < 0.0 < 1.0 < float(trained.max())
    assert torch.allclose(trained.clamp(0.0, 1.0), shown, atol=1e-6)


def test_the_constant_and_the_noise_of_evaluation_start_as_standard_normal_numbers() -> None:
    net: Any = seeded(lambda: StyleGAN2Generator(StyleGAN2Options(32, 8, 1, 1024, 64)), 0)
    for numbers in (net.constant, net.layers[-1].noise):
        assert float(numbers.detach().mean()) == pytest.approx(0.0, abs=0.1)
        assert float(numbers.detach().std()) == pytest.approx(1.0, abs=0.1)


def test_weights_drawn_again_depend_on_the_seed_alone() -> None:
    for build in (generator, discriminator):
        net, other = build(), build()
        reset(other, 1)
        assert any(not torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))
        reset(net, 1)
        assert all(torch.equal(a, other.state_dict()[name]) for name, a in net.state_dict().items())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: StyleGAN2Options(side=48), "side 48 must be a power of two"),
        (lambda: StyleGAN2Options(side=4), "side 4 must be"),
        (lambda: StyleGAN2Options(side=2048), "side 2048 must be"),
        (lambda: StyleGAN2Options(latent_size=0), "latent_size 0"),
        (lambda: StyleGAN2Options(mapping_layers=0), "mapping_layers 0"),
        (lambda: StyleGAN2Options(channel_base=255), "channel_base 255 must be 256 or more for side 256"),
        (lambda: StyleGAN2Options(channel_max=0), "channel_max 0"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_penalties_on_gradients_reach_every_weight() -> None:
    makes, judges = noisy_generator(), discriminator()
    x = images(4, 16).requires_grad_()
    (slope,) = torch.autograd.grad(judges(x).sum(), x, create_graph=True)
    slope.square().sum().backward()
    w = makes.mapped(drawn(4, 8)).clone()
    (path,) = torch.autograd.grad((makes.synthesised(w) * drawn(4, 3, 16, 16)).sum(), w, create_graph=True)
    path.square().sum().backward()
    weights = [p for net in (makes, judges) for name, p in net.named_parameters() if name.endswith("weight")]
    assert all(p.grad is not None and float(p.grad.abs().max()) > 0.0 for p in weights)
    assert all(bool(p.grad.isfinite().all()) for p in weights if p.grad is not None)


@pytest.mark.parametrize("training", [True, False])
def test_both_networks_run_in_bfloat16_and_channels_last(training: bool) -> None:
    makes, judges = generator().train(training), discriminator()
    exact = makes(drawn(4, 8)).detach()
    for net in (makes, judges):
        net.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        y = makes(drawn(4, 8))
        logits = judges(y)
    assert (y.dtype, logits.dtype) == (torch.bfloat16, torch.bfloat16)
    assert float((y.detach().float() - exact).abs().max()) < 0.1
    logits.float().mean().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in judges.parameters())


def test_the_generator_fits_one_image() -> None:
    assert share_left(generator(), drawn(1, 8), blocks(images(1, 16)), steps=30, lr=1e-2) < 0.4
