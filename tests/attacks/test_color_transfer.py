"""The control that learns one affine colour map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_factory import equal

from gexbench.attacks.color_transfer import ColorMap, ColorTransfer, color_map, moments
from gexbench.core.images import to_uint8

from .conftest import photos
from .translation import MATRIX, OFFSET, TranslationDoor, identity_error, recoloured, translation_brief
from .translation import unseen_error as error


def spread(seed: int) -> Tensor:
    root = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 0.02 * root @ root.T


def middle(level: float) -> Tensor:
    return torch.full((3,), level, dtype=torch.float64)


def test_it_comes_closer_to_the_service_than_doing_nothing(tmp_path: Path) -> None:
    net = ColorTransfer().extract(TranslationDoor(12), translation_brief(tmp_path))
    assert error(net) < 0.2 * identity_error()


def test_mean_and_covariance_of_answers_are_met() -> None:
    (mean, source), (wanted_mean, wanted) = (middle(0.3), spread(0)), (middle(0.6), spread(1))
    matrix, offset = color_map((mean, source), (wanted_mean, wanted))
    torch.testing.assert_close(matrix @ mean + offset, wanted_mean)
    torch.testing.assert_close(matrix @ source @ matrix.T, wanted, atol=2e-5, rtol=0.0)


def test_the_map_is_the_cheapest_one_symmetric_without_a_turn() -> None:
    matrix, _ = color_map((middle(0.3), spread(0)), (middle(0.6), spread(1)))
    torch.testing.assert_close(matrix, matrix.T)
    assert float(torch.linalg.eigvalsh(matrix).min()) > 0.0


def test_a_symmetric_mixing_of_channels_is_found_again() -> None:
    x = torch.stack(photos(20, 0))
    matrix, offset = color_map(moments(list(to_uint8(x))), moments(list(to_uint8(recoloured(x)))))
    torch.testing.assert_close(matrix.float(), MATRIX, atol=2e-3, rtol=0.0)
    torch.testing.assert_close(offset.float(), OFFSET, atol=2e-3, rtol=0.0)


def test_moments_are_those_of_all_pixels_of_images_of_mixed_sizes() -> None:
    images = [to_uint8(photos(1, 0)[0]), to_uint8(photos(1, 1)[0][:, :5])]
    mean, covariance = moments(images)
    pixels = torch.cat([image.flatten(1) for image in images], dim=1).double() / 255.0
    torch.testing.assert_close(mean, pixels.mean(dim=1), atol=1e-7, rtol=0.0)
    torch.testing.assert_close(covariance, torch.cov(pixels, correction=0), atol=1e-7, rtol=0.0)


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.9, 0.7, 0.5)], ids=["grey", "sepia"])
def test_grey_questions_have_a_map_too(tint: tuple[float, float, float]) -> None:
    grey = [photo[:1].expand(3, -1, -1) for photo in photos(8, 0)]
    answers = [photo * torch.tensor(tint).view(3, 1, 1) for photo in grey]
    net = ColorMap(*color_map(moments([to_uint8(x) for x in grey]), moments([to_uint8(y) for y in answers])))
    torch.testing.assert_close(net(torch.stack(grey)), torch.stack(answers), atol=5e-3, rtol=0.0)
    assert float(net.matrix.abs().max()) < 3.0


def test_questions_of_one_colour_are_moved_to_the_colour_of_the_answers() -> None:
    white, dark = (torch.full((3, 4, 4), level, dtype=torch.uint8) for level in (255, 51))
    net = ColorMap(*color_map(moments([white]), moments([dark])))
    torch.testing.assert_close(net(torch.ones(1, 3, 2, 2)), torch.full((1, 3, 2, 2), 0.2))
    torch.testing.assert_close(net.matrix, torch.eye(3))


def test_it_asks_the_whole_budget_and_the_seed_alone_decides(tmp_path: Path) -> None:
    doors = [TranslationDoor(12) for _ in range(3)]
    nets = [
        ColorTransfer().extract(door, replace(translation_brief(tmp_path), seed=seed))
        for door, seed in zip(doors, (0, 0, 1), strict=True)
    ]
    assert [door.remaining for door in doors] == [0, 0, 0]
    assert equal(nets[0], nets[1])
    assert not equal(nets[0], nets[2])


def test_a_row_of_the_matrix_makes_a_channel() -> None:
    red_from_blue = torch.zeros(3, 3, dtype=torch.float64)
    red_from_blue[0, 2] = 0.5
    made = ColorMap(red_from_blue, middle(0.1))(torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1))
    torch.testing.assert_close(made.flatten(), torch.tensor([0.6, 0.1, 0.1]))


def test_answers_stay_in_range_and_the_map_is_kept_with_the_surrogate() -> None:
    net = ColorMap(2.0 * torch.eye(3, dtype=torch.float64), middle(-0.5))
    made = net(torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert (float(made.min()), float(made.max())) == (0.0, 1.0)
    assert set(net.state_dict()) == {"matrix", "offset"}
    assert not list(net.parameters())
