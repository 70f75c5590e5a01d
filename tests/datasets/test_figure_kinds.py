"""Kinds of figures read from pixels: right on what the code draws, none for what is no clean figure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gexbench.datasets import figures
from gexbench.datasets.figure_kinds import NONE, FigureKinds, kinds
from gexbench.datasets.figures import COLOURS, KINDS, SHAPES, figure_of
from gexbench.errors import CardError

sides = pytest.mark.parametrize("side", [32, 64])


def _images(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def _drawn(of: NDArray[np.int64], side: int, seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return np.stack([figure_of(int(kind), rng, side) for kind in of])


def _two(side: int, count: int = 200) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return kinds (2,count), never the same twice in a column, and figures of them."""
    rng = np.random.default_rng(2)
    first = rng.integers(KINDS, size=count)
    of = np.stack([first, (first + rng.integers(1, KINDS, size=count)) % KINDS])
    return of, _drawn(of[0], side, 3), _drawn(of[1], side, 4)


@pytest.mark.parametrize(("side", "each"), [(16, 2), (32, 20), (64, 10), (100, 1)])
def test_a_drawn_figure_is_of_the_kind_it_was_drawn_as(side: int, each: int) -> None:
    of = np.repeat(np.arange(KINDS), each)
    assert (kinds(_images(_drawn(of, side, 0))).numpy() == of).all()


def test_noise_is_no_figure() -> None:
    rng = np.random.default_rng(0)
    even = rng.integers(0, 256, (100, 32, 32, 3)).astype(np.uint8)
    assert (kinds(_images(even)) == NONE).all()


@pytest.mark.parametrize("grain", [0.0, 2.5, 10.0])
@pytest.mark.parametrize("level", [0, 128, 222, 255])
def test_a_ground_without_a_figure_is_none(level: int, grain: float) -> None:
    blank = np.random.default_rng(0).normal(level, grain, (20, 32, 32, 3)).clip(0, 255).astype(np.uint8)
    assert (kinds(_images(blank)) == NONE).all()


@sides
def test_halves_of_two_figures_are_none(side: int) -> None:
    of, first, second = _two(side)
    first[:, :, side // 2 :] = second[:, :, side // 2 :]
    apart = of[0] % COLOURS != of[1] % COLOURS
    assert (kinds(_images(first[apart])) == NONE).all()


@sides
def test_two_figures_beside_each_other_are_none(side: int) -> None:
    _, first, second = _two(side)
    pair = np.concatenate([first, second], axis=2)[:, ::2, ::2]
    around = np.full((len(pair), side // 4, side, 3), 220, np.uint8)
    assert (kinds(_images(np.concatenate([around, pair, around], axis=1))) == NONE).all()


@sides
def test_blends_of_two_kinds_are_none(side: int) -> None:
    _, first, second = _two(side)
    halfway = ((first.astype(np.uint16) + second) // 2).astype(np.uint8)
    assert (kinds(_images(halfway)) == NONE).all()


@sides
def test_shapes_between_disc_and_square_are_none(side: int) -> None:
    discs = np.repeat(np.arange(COLOURS), 20)
    disc, square = _drawn(discs, side, 7), _drawn(discs + COLOURS, side, 7)
    halfway = ((disc.astype(np.uint16) + square) // 2).astype(np.uint8)
    assert (kinds(_images(halfway)) == NONE).all()


@sides
def test_a_figure_cut_in_half_is_none(side: int) -> None:
    cut = _drawn(np.repeat(np.arange(KINDS), 4), side, 5)
    cut[:, :, side // 2 :] = cut[:, :, -1:]
    assert (kinds(_images(cut)) == NONE).all()


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda x: 255 - x,
        lambda x: x[:, ::-1, ::-1, ::-1],
        lambda x: x // 2,
        lambda x: np.repeat(x.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3),
        lambda x: np.roll(x, 6, axis=2),
    ],
    ids=["negative", "blue for red, and turned", "dark", "grey", "moved"],
)
def test_other_colours_and_places_are_none(spoilt: object) -> None:
    red = np.arange(SHAPES).repeat(4) * COLOURS
    assert callable(spoilt)
    found = kinds(_images(np.ascontiguousarray(spoilt(_drawn(red, 32, 6))))).numpy()
    assert not np.isin(found, red).any()


@pytest.mark.parametrize("channels", [[0], [0, 1, 2]], ids=["not grey", "dark"])
def test_a_figure_on_another_ground_is_none(channels: list[int]) -> None:
    drawn = _drawn(np.arange(KINDS), 32, 9).astype(np.float32)
    ground = drawn.min(axis=3) > 190
    for channel in channels:
        drawn[..., channel][ground] *= 0.75
    assert (kinds(_images(drawn.astype(np.uint8))) == NONE).all()


@pytest.mark.parametrize("share", [0.7, 1.45])
def test_a_figure_of_another_size_is_none(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RADIUS", share * figures.RADIUS)
    monkeypatch.setattr(figures, "SPREAD", 0.0)
    assert (kinds(_images(_drawn(np.arange(KINDS), 64, 10))) == NONE).all()


def test_a_little_blur_leaves_a_figure_its_kind() -> None:
    of = np.arange(KINDS)
    soft = torch.nn.functional.avg_pool2d(_images(_drawn(of, 64, 8)).float(), 2).to(torch.uint8)
    assert (kinds(soft).numpy() == of).mean() > 0.95


@pytest.mark.parametrize("shape", [(3, 32, 48), (3, 8, 8), (3, 1, 1)])
def test_an_image_that_is_not_square_or_too_small_is_none(shape: tuple[int, ...]) -> None:
    assert kinds(torch.zeros(2, *shape, dtype=torch.uint8)).tolist() == [NONE, NONE]


def test_a_row_is_one_at_the_kind_and_nothing_for_none() -> None:
    extractor = FigureKinds({}, {})
    image = _images(_drawn(np.array([13]), 32, 0))[0]
    row, empty = extractor.prepare(image), extractor.prepare(torch.zeros(3, 40, 20, dtype=torch.uint8))
    assert row.nonzero().tolist() == [[13]]
    assert torch.equal(extractor.features(torch.stack([row, empty])).sum(dim=1), torch.tensor([1.0, 0.0]))


def test_it_has_no_settings() -> None:
    with pytest.raises(CardError, match=r"settings\.side"):
        FigureKinds({"side": 32}, {})
