"""Networks whose weights others released: shapes, ranges, and what is refused. That they are the originals' equals is
measured in test_originals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gexbench.nets.compact import Compact, CompactOptions
from gexbench.nets.dat import DAT, DATOptions
from gexbench.nets.dcgan import DCGANGenerator, DCGANOptions
from gexbench.nets.initialise import seeded
from gexbench.nets.multistyle import MultiStyle, MultiStyleOptions
from gexbench.nets.rrdb import RRDBNet, RRDBOptions

ENLARGING: dict[str, Callable[[], nn.Module]] = {
    "compact": lambda: Compact(CompactOptions(channels=8, convolutions=2)),
    "rrdb": lambda: RRDBNet(RRDBOptions(channels=8, growth=4, blocks=1)),
    "dat": lambda: DAT(DATOptions(channels=32, heads=2, blocks=4, window=(2, 4))),
}
PUBLISHED = {Compact: 621_424, RRDBNet: 16_697_987, DAT: 572_766, DCGANGenerator: 3_576_704}


@pytest.mark.parametrize(("net", "parameters"), PUBLISHED.items(), ids=lambda each: getattr(each, "__name__", None))
def test_a_network_has_as_many_parameters_as_the_published_one(net: type[nn.Module], parameters: int) -> None:
    assert sum(each.numel() for each in net().parameters()) == parameters


@pytest.mark.parametrize("name", ENLARGING)
def test_images_of_any_size_grow_by_four_and_are_clamped_in_evaluation_alone(name: str) -> None:
    net, x = seeded(ENLARGING[name], 0), torch.rand(2, 3, 9, 14, generator=torch.Generator().manual_seed(0)).round()
    with torch.inference_mode():
        raw, made = net.train()(x), net.eval()(x)
    assert raw.shape == made.shape == (2, 3, 36, 56)
    assert 0.0 <= float(made.min()) < float(made.max()) <= 1.0


def test_one_image_comes_out_the_same_alone_and_beside_another() -> None:
    x = torch.rand(2, 3, 9, 14, generator=torch.Generator().manual_seed(0))
    for name in ENLARGING:
        net = seeded(ENLARGING[name], 0).eval()
        with torch.inference_mode():
            assert torch.allclose(net(x)[:1], net(x[:1]), atol=1e-5), name


def test_windows_of_a_shifted_image_do_not_look_across_its_borders() -> None:
    net = seeded(ENLARGING["dat"], 0).eval()
    attention = net.layers[0].blocks[2].attn.requires_grad_(False)  # type: ignore[union-attr]
    x = torch.rand(1, 8, 8, 32, generator=torch.Generator().manual_seed(0))
    seen = []
    for module in attention.attns:
        module.register_forward_hook(lambda module, inputs, output: seen.append(inputs[1]))
    with torch.inference_mode():
        attention(x)
    assert [tuple(mask.shape) for mask in seen] == [(8, 8, 8), (8, 8, 8)]
    assert all(float(mask[0].min()) == 0.0 and float(mask[-1].min()) == -100.0 for mask in seen)


def small_styles(style: int) -> MultiStyle:
    return seeded(lambda: MultiStyle(MultiStyleOptions(style=style, styles=3, channels=4, blocks=1)), 0).eval()


def test_a_style_is_its_own_scale_and_shift_of_the_same_convolutions() -> None:
    x = torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    first, second = small_styles(0), small_styles(1)
    with torch.inference_mode():
        assert first(x).shape == x.shape
        assert torch.equal(first(x), second(x))
        for net in (first, second):
            for name, parameter in net.named_parameters():
                if name.endswith("beta"):
                    parameter[1] += 0.5
        assert not torch.equal(first(x), second(x))
        second.style = 0
        assert torch.equal(first(x), second(x))


def test_sides_are_rounded_up_to_what_can_be_halved_twice() -> None:
    with torch.inference_mode():
        assert small_styles(0)(torch.rand(1, 3, 17, 16)).shape == (1, 3, 20, 16)


def test_faces_are_drawn_of_latents_in_range() -> None:
    net = seeded(lambda: DCGANGenerator(DCGANOptions(channels=4, latent_size=5)), 0).eval()
    with torch.inference_mode():
        drawn = net(torch.randn(3, 5, generator=torch.Generator().manual_seed(0)))
    assert drawn.shape == (3, 3, 64, 64)
    assert 0.0 <= float(drawn.min()) < float(drawn.max()) <= 1.0
    assert net.latent_size == 5


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (lambda: MultiStyleOptions(style=26), "style 26 must be one of 0 to 25"),
        (lambda: MultiStyleOptions(blocks=0), "blocks 0 must be 1 or more"),
        (lambda: CompactOptions(channels=0), "channels 0"),
        (lambda: RRDBOptions(growth=0), "growth 0"),
        (lambda: DATOptions(heads=5), "heads 5"),
        (lambda: DCGANOptions(latent_size=0), "latent_size 0"),
    ],
)
def test_numbers_that_make_no_network_are_refused(options: Callable[[], object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        options()
