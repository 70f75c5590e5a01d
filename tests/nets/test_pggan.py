"""The networks of PGGAN: parameters and sizes of the paper's table 2, growing, normalisations, and learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.equalised import EqualConv2d, EqualLinear
from gexbench.nets.pggan import PGGANGenerator, PGGANOptions, pixel_norm
from gexbench.nets.pggan_discriminator import PGGANDiscriminator

from .learning import blocks, count, drawn, images, share_left
from .small import pggan_discriminator as discriminator
from .small import pggan_generator as generator

MAKES = {4: 4.2e6 + 2.4e6, 8: 4.8e6, 16: 4.8e6, 32: 4.8e6, 64: 1.2e6 + 590e3, 128: 295e3 + 148e3}
MAKES |= {256: 74e3 + 37e3, 512: 18e3 + 9.2e3, 1024: 4.6e3 + 2.3e3}
JUDGES = {4: 2.4e6 + 4.2e6 + 513, 8: 4.8e6, 16: 4.8e6, 32: 4.8e6, 64: 590e3 + 1.2e6, 128: 148e3 + 295e3}
JUDGES |= {256: 37e3 + 74e3, 512: 9.2e3 + 18e3, 1024: 2.3e3 + 4.6e3}
WIDTHS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 256, 128: 128, 256: 64, 512: 32, 1024: 16}


def latents(count: int) -> Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(0))


def published(side: int) -> tuple[PGGANGenerator, PGGANDiscriminator]:
    with torch.device("meta"):
        return PGGANGenerator(PGGANOptions(side)), PGGANDiscriminator(PGGANOptions(side))


def test_the_published_networks_have_the_parameters_of_the_authors_code() -> None:
    makes, judges = published(1024)
    assert (count(makes), count(judges)) == (23_079_115, 23_087_249)


def test_the_full_grown_networks_have_the_total_of_table_2() -> None:
    makes, judges = published(1024)
    assert count(makes) - count(makes.to_rgb[:-1]) == 23_071_507 == pytest.approx(23.1e6, rel=0.003)
    assert count(judges) - count(judges.from_rgb[:-1]) == 23_077_137 == pytest.approx(23.1e6, rel=0.003)


def test_every_side_has_the_parameters_of_its_rows_in_table_2() -> None:
    makes, judges = published(1024)
    counts = [count(makes) - count(makes.blocks) - count(makes.to_rgb), *map(count, makes.blocks)]
    assert counts == [pytest.approx(wanted, rel=0.03) for wanted in MAKES.values()]
    counts = [count(judges.last), *map(count, judges.blocks)]
    assert counts == [pytest.approx(wanted, rel=0.03) for wanted in JUDGES.values()]
    assert (count(makes.to_rgb[-1]), count(judges.from_rgb[-1])) == (51, 64)


def test_feature_maps_follow_base_and_maximum() -> None:
    assert PGGANOptions().widths == list(WIDTHS.values())
    assert PGGANOptions(32, 512, 256, 100).widths == [100, 64, 32, 16]


def test_a_network_of_64_pixels_grows_through_the_sizes_of_table_2() -> None:
    makes, judges = published(64)
    up: list[tuple[int, ...]] = []
    down: list[tuple[int, ...]] = []
    for block in makes.blocks:
        block.register_forward_hook(lambda _, __, y: up.append(tuple(y.shape)))
    for block in judges.blocks:
        block.register_forward_hook(lambda _, __, y: down.append(tuple(y.shape)))
    judges.last[0].register_forward_pre_hook(lambda _, x: down.append(tuple(x[0].shape)))
    for grown in (4, 8, 16, 32, 64):
        up.clear()
        down.clear()
        makes.grow(grown, 0.5)
        judges.grow(grown, 0.5)
        made = makes(torch.empty(2, 512, device="meta"))
        assert made.shape == (2, 3, grown, grown)
        assert judges(made).shape == (2, 1)
        sides = [side for side in (8, 16, 32, 64) if side <= grown]
        assert up == [(2, WIDTHS[side], side, side) for side in sides]
        assert down == [(2, WIDTHS[side // 2], side // 2, side // 2) for side in sides[::-1]] + [(2, 513, 4, 4)]


def test_a_level_starts_as_the_lower_one_enlarged_and_ends_alone() -> None:
    net, z = generator(), latents(3)
    net.grow(8)
    lower = F.interpolate(net(z), scale_factor=2)
    net.grow(16, 1.0)
    alone = net(z)
    net.grow(16, 0.0)
    assert torch.allclose(net(z), lower, atol=1e-6)
    net.grow(16, 0.25)
    assert torch.allclose(net(z), 0.75 * lower + 0.25 * alone, atol=1e-6)
    assert float((alone - lower).detach().abs().max()) > 0.1


def test_a_network_saved_while_growing_loads_strictly_and_is_full_grown() -> None:
    net, other = generator(), generator(1)
    net.grow(4)
    other.load_state_dict(net.state_dict())
    net.grow(16)
    assert other(latents(2)).shape == (2, 3, 16, 16)
    assert torch.equal(other(latents(2)), net(latents(2)))


def test_levels_not_yet_grown_are_not_trained() -> None:
    net = generator()
    net.grow(8, 0.5)
    net(latents(2)).square().sum().backward()
    trained = {name.rpartition(".")[0] for name, p in net.named_parameters() if p.grad is not None}
    assert trained == {"", "dense", "first", "blocks.0.first", "blocks.0.second", "to_rgb.0", "to_rgb.1"}


@pytest.mark.parametrize(
    ("grown", "blend", "message"),
    [(32, 1.0, "grown 32"), (2, 1.0, "grown 2"), (12, 1.0, "grown 12"), (8, 1.5, r"blend 1\.5"), (8, -0.1, "blend -0")],
)
def test_a_network_does_not_grow_to_other_sides_and_shares(grown: int, blend: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generator().grow(grown, blend)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PGGANOptions(side=48), "side 48"),
        (lambda: PGGANOptions(side=2), "side 2"),
        (lambda: PGGANOptions(latent_size=0), "latent_size 0"),
        (lambda: PGGANOptions(fmap_max=0), "fmap_max 0"),
        (lambda: PGGANOptions(side=64, fmap_base=31), "fmap_base 31 must be 32 or more"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_features_have_a_mean_square_of_one_at_every_place() -> None:
    net = generator()
    squares: list[Tensor] = []
    for block in net.blocks:
        block.register_forward_hook(lambda _, __, y: squares.append(y.detach().square().mean(dim=1)))
    net(latents(3))
    assert [tuple(square.shape) for square in squares] == [(3, 8, 8), (3, 16, 16)]
    assert all(torch.allclose(square, torch.ones_like(square), atol=1e-4) for square in squares)


def test_pixel_norm_divides_by_the_root_of_the_mean_square_of_the_channels() -> None:
    x = drawn(2, 3, 4, 4, seed=1)
    wanted = x[1, :, 2, 3] / (x[1, :, 2, 3].square().sum() / 3.0).sqrt()
    assert torch.allclose(pixel_norm(x)[1, :, 2, 3], wanted, atol=1e-6)


def test_only_the_direction_of_a_latent_counts() -> None:
    net, z = generator(), latents(2)
    nn.init.constant_(net.bias, 1.0)
    assert torch.allclose(net(z), net(3.0 * z), atol=1e-5)


def test_the_generators_block_is_the_one_of_the_paper() -> None:
    net: Any = generator()
    block, y = net.blocks[0], drawn(2, 12, 4, 4, seed=1)
    for layer in (block.first, block.second):
        nn.init.constant_(layer.bias, 1.0)
    wanted = F.interpolate(y, scale_factor=2)
    for layer in (block.first, block.second):
        wanted = pixel_norm(F.leaky_relu(layer(wanted), 0.2))
    assert torch.allclose(block(y), wanted, atol=1e-5)


@pytest.mark.parametrize("build", [generator, discriminator])
def test_layers_before_a_leaky_relu_have_a_gain_of_the_root_of_two(build: Callable[[], nn.Module]) -> None:
    layers = {name: m for name, m in build().named_modules() if isinstance(m, (EqualConv2d, EqualLinear))}
    gains = {name: layer.scale * layer.weight[0].numel() ** 0.5 for name, layer in layers.items()}
    linear = {name for name, gain in gains.items() if gain == pytest.approx(1.0)}
    assert linear == {name for name in layers if name.startswith("to_rgb") or name == "last.5"}
    gains["dense"] = 4.0 * gains.get("dense", 2.0**0.5 / 4.0)
    assert all(gains[name] == pytest.approx(2.0**0.5) for name in set(gains) - linear)


def test_images_are_held_in_range_in_evaluation_only() -> None:
    net: Any = generator()
    nn.init.constant_(net.to_rgb[-1].bias, 1.0)
    made, held = net(latents(2)).detach(), net.eval()(latents(2)).detach()
    assert float(made.max()) > 1.0
    assert torch.equal(held, made.clamp(0.0, 1.0))
    assert (held.shape, held.dtype, net.latent_size) == ((2, 3, 16, 16), torch.float32, 8)


def test_both_nets_run_in_bfloat16_and_channels_last() -> None:
    makes, judges = generator(), discriminator()
    exact = makes(latents(4)).detach()
    for net in (makes, judges):
        net.to(memory_format=torch.channels_last)
        net.grow(16, 0.999)
    with torch.autocast("cpu", torch.bfloat16):
        made = makes(latents(4))
        logits = judges(made)
    logits.sum().backward()
    assert float((made.detach().float() - exact).abs().max()) < 0.1
    grown = [p.grad for name, p in makes.named_parameters() if not name.startswith("to_rgb.0")]
    assert all(grad is not None and bool(grad.isfinite().all()) for grad in grown)


def test_the_generator_fits_a_batch() -> None:
    assert share_left(generator(), latents(4), blocks(images(4, 16)), steps=30, lr=1e-2) < 0.4
