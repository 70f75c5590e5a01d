"""What is done to answers to be rid of marks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.cards.adaptive import ADAPTIVE
from gexbench.core.images import round_8bit
from gexbench.core.purify import PURIFIERS, blur, median


def images() -> Tensor:
    return round_8bit(torch.rand(2, 3, 17, 24, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("name", PURIFIERS)
def test_images_stay_images_of_their_size_and_the_same_ones_come_out_each_time(name: str) -> None:
    x = images()
    made = PURIFIERS[name](x)
    assert (made.shape, made.dtype) == (x.shape, torch.float32)
    assert 0.0 <= float(made.min()) <= float(made.max()) <= 1.0
    assert torch.equal(made, PURIFIERS[name](x))
    assert torch.equal(x, images())


@pytest.mark.parametrize("name", PURIFIERS)
def test_each_image_is_purified_on_its_own(name: str) -> None:
    x = images()
    torch.testing.assert_close(PURIFIERS[name](x)[1:], PURIFIERS[name](x[1:]))


@pytest.mark.parametrize("name", PURIFIERS)
def test_faint_noise_on_a_smooth_image_gets_fainter(name: str) -> None:
    smooth = torch.linspace(0.3, 0.6, 32).expand(1, 3, 32, 32)
    noise = 0.02 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    left = PURIFIERS[name](smooth + noise) - PURIFIERS[name](smooth)
    assert float(left.square().mean()) < 0.7 * float(noise.square().mean())


@pytest.mark.parametrize("name", PURIFIERS)
def test_an_image_of_one_colour_stays_as_it_is(name: str) -> None:
    grey = round_8bit(torch.full((1, 3, 16, 16), 0.4))
    torch.testing.assert_close(PURIFIERS[name](grey), grey)


def test_a_median_takes_a_speck_away_and_leaves_an_edge() -> None:
    edge = torch.zeros(1, 3, 9, 9)
    edge[..., 5:] = 1.0
    speck = edge.clone()
    speck[..., 4, 2] = 1.0
    assert torch.equal(median(speck), edge)


def test_a_blur_spreads_a_point_as_a_gaussian_of_sigma_one() -> None:
    point = torch.zeros(1, 3, 15, 15)
    point[..., 7, 7] = 1.0
    spread = blur(point)[0, 0]
    places = torch.arange(15.0) - 7
    assert float(spread.sum()) == pytest.approx(1.0, rel=1e-5)
    assert float((spread.sum(0) * places.square()).sum()) == pytest.approx(1.0, rel=0.05)


def test_the_option_offers_every_purifier_and_the_mark_of_ones_own() -> None:
    assert ADAPTIVE["purify"].choices == ("none", *PURIFIERS, "overwrite")
