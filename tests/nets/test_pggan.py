"""The networks of PGGAN: parameters and sizes of the paper's table 2, growing, normalisations, and learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.equalised import EqualConv2d, EqualLinear
from gexbench.nets.initialise import seeded
from gexbench.nets.pggan import PGGANGenerator, PGGANOptions, pixel_norm
from gexbench.nets.pggan_discriminator import PGGANDiscriminator, with_deviation

SMALL = PGGANOptions(side=16, latent_size=8, fmap_base=64, fmap_max=12)
MAKES = {4: 4.2e6 + 2.4e6, 8: 4.8e6, 16: 4.8e6, 32: 4.8e6, 64: 1.2e6 + 590e3, 128: 295e3 + 148e3}
MAKES |= {256: 74e3 + 37e3, 512: 18e3 + 9.2e3, 1024: 4.6e3 + 2.3e3}
JUDGES = {4: 2.4e6 + 4.2e6 + 513, 8: 4.8e6, 16: 4.8e6, 32: 4.8e6, 64: 590e3 + 1.2e6, 128: 148e3 + 295e3}
JUDGES |= {256: 37e3 + 74e3, 512: 9.2e3 + 18e3, 1024: 2.3e3 + 4.6e3}
WIDTHS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 256, 128: 128, 256: 64, 512: 32, 1024: 16}


def generator() -> PGGANGenerator:
    return seeded(lambda: PGGANGenerator(SMALL), 0)


def discriminator() -> PGGANDiscriminator:
    return seeded(lambda: PGGANDiscriminator(SMALL), 0)


def latents(count: int) -> Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(0))


def images(count: int, side: int = 16) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def features(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


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


def test_the_discriminator_starts_a_level_on_shrunken_images_and_ends_on_full_ones() -> None:
    net: Any = discriminator()
    x = images(3)
    net.grow(8)
    lower = net(F.avg_pool2d(x, 2))
    net.grow(16, 0.0)
    assert torch.allclose(net(x), lower, atol=1e-5)
    net.grow(16, 1.0)
    full = net(x)
    with torch.no_grad():
        net.from_rgb[1].weight.zero_()
    assert torch.equal(net(x), full)
    net.grow(16, 1.0 - 1e-6)
    assert torch.allclose(net(x), full, atol=1e-4)


def test_the_smallest_images_are_judged_from_minus_one_to_one_after_one_convolution() -> None:
    net: Any = discriminator()
    net.grow(4)
    x = images(3, 4)
    seen = F.leaky_relu(net.from_rgb[0](2.0 * x - 1.0), 0.2)
    assert torch.allclose(net(x), net.last(with_deviation(seen)), atol=1e-6)


def test_a_network_saved_while_growing_loads_strictly_and_is_full_grown() -> None:
    net, other = generator(), seeded(lambda: PGGANGenerator(SMALL), 1)
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


def test_the_discriminator_refuses_images_of_another_side() -> None:
    net = discriminator()
    net.grow(8)
    with pytest.raises(ValueError, match="sides must be 8x8, got 16x16"):
        net(images(1))


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
    x = features(2, 3, 4, 4)
    wanted = x[1, :, 2, 3] / (x[1, :, 2, 3].square().sum() / 3.0).sqrt()
    assert torch.allclose(pixel_norm(x)[1, :, 2, 3], wanted, atol=1e-6)


def test_only_the_direction_of_a_latent_counts() -> None:
    net, z = generator(), latents(2)
    nn.init.constant_(net.bias, 1.0)
    assert torch.allclose(net(z), net(3.0 * z), atol=1e-5)


def test_the_generators_block_is_the_one_of_the_paper() -> None:
    net: Any = generator()
    block, y = net.blocks[0], features(2, 12, 4, 4)
    for layer in (block.first, block.second):
        nn.init.constant_(layer.bias, 1.0)
    wanted = F.interpolate(y, scale_factor=2)
    for layer in (block.first, block.second):
        wanted = pixel_norm(F.leaky_relu(layer(wanted), 0.2))
    assert torch.allclose(block(y), wanted, atol=1e-5)


def test_the_discriminators_block_is_the_one_of_the_paper() -> None:
    net: Any = discriminator()
    block, y = net.blocks[0], features(2, 12, 8, 8)
    wanted = F.leaky_relu(block.second(F.leaky_relu(block.first(y), 0.2)), 0.2)
    assert torch.allclose(block(y), F.avg_pool2d(wanted, 2), atol=1e-5)


def test_the_added_feature_map_is_the_mean_deviation_over_the_batch() -> None:
    x = features(3, 5, 4, 4)
    deviations = [
        sum(float(x[n, c, h, w] - x[:, c, h, w].mean()) ** 2 / 3.0 for n in range(3)) ** 0.5
        for c in range(5)
        for h in range(4)
        for w in range(4)
    ]
    wider = with_deviation(x)
    assert wider.shape == (3, 6, 4, 4)
    assert torch.equal(wider[:, :5], x)
    assert torch.allclose(wider[:, 5], torch.full((3, 4, 4), sum(deviations) / len(deviations)), atol=1e-5)


def test_the_discriminator_sees_how_much_images_differ() -> None:
    net, x = discriminator(), images(2)
    same = torch.cat([x[:1], x[:1]])
    assert float((net(x)[0] - net(same)[0]).detach().abs()) > 1e-4


def test_equalised_weights_start_at_one_and_are_scaled_by_their_inputs() -> None:
    layer, x = seeded(lambda: EqualConv2d(16, 32, 3, gain=2.0), 0), features(4, 16, 8, 8)
    assert float(layer.weight.detach().std()) == pytest.approx(1.0, abs=0.05)
    assert torch.allclose(layer(x), F.conv2d(x, layer.weight * 2.0 / 12.0, padding=1), atol=1e-5)
    dense = seeded(lambda: EqualLinear(64, 64, 0.5, gain=2.0), 0)
    assert float(dense.weight.detach().std()) == pytest.approx(1.0, abs=0.05)
    assert torch.allclose(dense(x.view(-1, 64)), x.view(-1, 64) @ dense.weight.T * 2.0 / 8.0 + 0.5, atol=1e-5)


@pytest.mark.parametrize("build", [generator, discriminator])
def test_layers_before_a_leaky_relu_have_a_gain_of_the_root_of_two(build: Callable[[], nn.Module]) -> None:
    layers = {name: m for name, m in build().named_modules() if isinstance(m, (EqualConv2d, EqualLinear))}
    gains = {name: layer.scale * layer.weight[0].numel() ** 0.5 for name, layer in layers.items()}
    linear = {name for name, gain in gains.items() if gain == pytest.approx(1.0)}
    assert linear == {name for name in layers if name.startswith("to_rgb") or name == "last.5"}
    gains["dense"] = 4.0 * gains.get("dense", 2.0**0.5 / 4.0)
    assert all(gains[name] == pytest.approx(2.0**0.5) for name in set(gains) - linear)


def test_equalised_convolutions_keep_the_side_unless_they_have_a_stride() -> None:
    x = features(1, 2, 9, 9)
    shapes = [tuple(EqualConv2d(2, 4, *numbers, bias=False)(x).shape[1:]) for numbers in ((1,), (3,), (1, 2), (3, 2))]
    assert shapes == [(4, 9, 9), (4, 9, 9), (4, 5, 5), (4, 4, 4)]


def test_a_rate_changes_nothing_but_how_fast_a_layer_learns() -> None:
    whole = seeded(lambda: EqualLinear(8, 4, 1.0), 0)
    slow = seeded(lambda: EqualLinear(8, 4, 1.0, rate=0.01), 0)
    x = features(3, 8)
    start = whole(x).detach()
    assert torch.allclose(slow(x), start, atol=1e-5)
    for layer in (whole, slow):
        optimiser = torch.optim.Adam(layer.parameters(), lr=1e-3)
        layer(x).sum().backward()
        optimiser.step()
    assert torch.allclose(slow(x) - start, 0.01 * (whole(x) - start), atol=1e-5)


def test_images_are_held_in_range_in_evaluation_only() -> None:
    net: Any = generator()
    nn.init.constant_(net.to_rgb[-1].bias, 1.0)
    made, held = net(latents(2)).detach(), net.eval()(latents(2)).detach()
    assert float(made.max()) > 1.0
    assert torch.equal(held, made.clamp(0.0, 1.0))
    assert (held.shape, held.dtype, net.latent_size) == ((2, 3, 16, 16), torch.float32, 8)


def test_a_gradient_penalty_reaches_every_weight_of_the_discriminator() -> None:
    net, x = discriminator(), images(3).requires_grad_()
    net.grow(16, 0.5)
    (slope,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    (slope.square().sum(dim=(1, 2, 3)).sqrt() - 1.0).square().mean().backward()
    missing = {name for name, p in net.named_parameters() if p.grad is None and name.endswith("weight")}
    assert missing == {"from_rgb.0.weight"}
    assert all(bool(p.grad.isfinite().all()) for p in net.parameters() if p.grad is not None)


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
    net, z = generator(), latents(4)
    wanted = images(4)[..., ::8, ::8].repeat_interleave(8, -1).repeat_interleave(8, -2)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = (net(z) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


def test_the_discriminator_learns_to_tell_noise_from_blocks() -> None:
    net, noise = discriminator(), images(4)
    blocks = noise[..., ::8, ::8].repeat_interleave(8, -1).repeat_interleave(8, -2)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(30):
        loss = F.softplus(-net(noise)).mean() + F.softplus(net(blocks)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(net(noise).detach().min()) > 0.0 > float(net(blocks).detach().max())
