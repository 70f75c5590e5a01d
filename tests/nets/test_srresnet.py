"""The generator of SRGAN."""

from __future__ import annotations

import pytest
import torch

from gexbench.core.images import upscale
from gexbench.nets.initialise import seeded
from gexbench.nets.srresnet import SRResNet, SRResNetOptions


def small(**options: object) -> SRResNet:
    numbers = {"blocks": 2, "channels": 8, "kernel": 3, "batch_norm": False, **options}
    return seeded(lambda: SRResNet(SRResNetOptions(**numbers)), 0)  # type: ignore[arg-type]


def test_the_published_net_has_one_and_a_half_million_parameters() -> None:
    conv = lambda inside, outside, side: inside * outside * side * side + outside  # noqa: E731
    norm, prelu = 2 * 64, 1
    head = conv(3, 64, 9) + prelu
    blocks = 16 * (2 * (conv(64, 64, 3) + norm) + prelu)
    middle = conv(64, 64, 3) + norm
    enlarge = 2 * (conv(64, 256, 3) + prelu)
    by_hand = head + blocks + middle + enlarge + conv(64, 3, 9)
    assert by_hand == 1_549_462
    assert sum(p.numel() for p in SRResNet(SRResNetOptions()).parameters()) == by_hand


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_images_of_any_size_grow_by_the_scale(scale: int) -> None:
    assert small(scale=scale)(torch.rand(2, 3, 5, 7)).shape == (2, 3, 5 * scale, 7 * scale)


def test_outputs_are_clamped_in_evaluation_and_free_in_training() -> None:
    net = small(skip="bicubic")
    x = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).repeat(1, 3, 6, 1)
    raw = net.train()(x).detach()
    assert float(raw.min()) < 0.0
    assert torch.equal(net.eval()(x), raw.clamp(0.0, 1.0))


def test_the_bicubic_skip_is_matlabs_bicubic_away_from_the_border() -> None:
    net = small(skip="bicubic").eval()
    torch.nn.init.zeros_(net.tail.weight)
    assert net.tail.bias is not None
    torch.nn.init.zeros_(net.tail.bias)
    x = torch.rand(1, 3, 9, 8, generator=torch.Generator().manual_seed(0))
    made, wanted = net(x)[..., 8:-8, 8:-8], upscale(x, 4).clamp(0, 1)[..., 8:-8, 8:-8]
    torch.testing.assert_close(made, wanted, atol=1e-5, rtol=0)


def test_an_image_is_enlarged_the_same_alone_and_in_a_batch() -> None:
    net = small().eval()
    x = torch.rand(3, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(net(x)[1:2], net(x[1:2]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("options", [{"kernel": 4}, {"skip": "nearest"}, {"scale": 3}, {"scale": 1}])
def test_numbers_that_make_no_net_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SRResNetOptions(**options)  # type: ignore[arg-type]
