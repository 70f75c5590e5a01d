"""A discriminator is shown images that are changed one by one, and learns through the change."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gexbench.training.diff_augment import GREY, AugmentedDiscriminator, cut_out, recoloured, shifted

SIDE, COUNT = 32, 64


class Mean(nn.Module):
    """A discriminator that keeps what it was shown."""

    def forward(self, images: Tensor) -> Tensor:
        self.shown = images
        return images.mean(dim=(1, 2, 3))[:, None]


def pictures(seed: int = 0) -> Tensor:
    return torch.rand(COUNT, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def test_images_are_moved_by_an_eighth_at_most_with_grey_coming_in() -> None:
    torch.manual_seed(0)
    x = torch.zeros(COUNT, 1, SIDE, SIDE)
    x[:, :, 16, 16] = 1.0
    y = shifted(x)
    rows, columns = (place.view(COUNT) for place in (y == 1.0).nonzero()[:, 2:].T)
    assert set((rows - 16).tolist()) == set(range(-4, 5)) == set((columns - 16).tolist())
    assert set(y.unique().tolist()) == {0.0, GREY, 1.0}
    for image, down in zip(y, (16 - rows).tolist(), strict=True):  # what moved up left as many grey rows below
        assert int((image[0] == GREY).all(dim=1).sum()) == abs(down)


def test_a_square_of_half_the_sides_is_cut_out_wherever_it_falls() -> None:
    torch.manual_seed(0)
    holes = (cut_out(torch.zeros(COUNT, 3, SIDE, SIDE)) == GREY)[:, 0]
    sizes = {(int(hole.any(dim=1).sum()), int(hole.any(dim=0).sum())) for hole in holes}
    assert max(sizes) == (16, 16)
    assert len(sizes) > 1
    assert all(8 <= side <= 16 for size in sizes for side in size)


def test_colours_change_by_one_number_a_kind_of_change_and_an_image() -> None:
    torch.manual_seed(0)
    x = pictures()
    y = recoloured(x)
    grey = torch.full((COUNT, 3, SIDE, SIDE), 0.5)
    brighter = recoloured(grey)[:, 0, 0, 0] - 0.5
    assert float(brighter.abs().max()) <= 0.25
    assert float(brighter.std()) > 0.1
    spread = (y - y.mean(dim=1, keepdim=True)).flatten(1).norm(dim=1) / (x - x.mean(dim=1, keepdim=True)).flatten(
        1
    ).norm(dim=1)
    assert float(spread.max()) <= 2.0 * 1.5
    assert float(spread.min()) < 0.5


def test_every_image_is_changed_in_its_own_way_and_by_chance_alone() -> None:
    judge = AugmentedDiscriminator(Mean())
    same = pictures()[:1].repeat(COUNT, 1, 1, 1)
    torch.manual_seed(1)
    first = judge(same)
    assert len(first.unique()) == COUNT
    torch.manual_seed(1)
    assert torch.equal(judge(same), first)


def test_a_generator_learns_through_the_change() -> None:
    torch.manual_seed(0)
    x = pictures().requires_grad_(True)
    AugmentedDiscriminator(Mean())(x).sum().backward()
    assert x.grad is not None
    assert bool((x.grad.flatten(1).abs().sum(dim=1) > 0).all())


@pytest.mark.parametrize("change", [recoloured, shifted, cut_out])
def test_no_change_takes_another_shape(change: object) -> None:
    assert callable(change)
    assert change(pictures()).shape == (COUNT, 3, SIDE, SIDE)
