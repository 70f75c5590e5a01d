"""The contact sheet of a run."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.engine.kinds import contact_sheet as picture
from gexbench.engine.kinds.evidence import TestEvidence as Shown
from gexbench.engine.kinds.kind import task_kind
from gexbench.plan import Identity, Plan, Request, resolve


def flat(value: int, count: int, side: int = 32) -> tuple[Tensor, ...]:
    return tuple(torch.full((3, side, side), value, dtype=torch.uint8) for _ in range(count))


def plan(task: str, attack: str) -> Plan:
    return resolve(Request(task, attack), Catalog.load(), Identity("", "", ""))


def drawn(task: str, attack: str, shown: Shown) -> np.ndarray:
    made = plan(task, attack)
    return np.asarray(task_kind(made.task.kind).sheet(shown, made))


def test_where_the_truth_is_a_style_a_grid_shows_six_images_in_each_column() -> None:
    shown = Shown(("x",) * 9, flat(10, 9), flat(40, 3), flat(20, 9), None, flat(30, 9))
    pixels = drawn("monet2photo", "pix2pix", shown)
    left, width = picture.GAP, picture.SMALL
    seen = [int(pixels[picture.HEAD + 50, left + column * (width + left) + 50, 0]) for column in range(4)]
    assert seen == [10, 20, 30, 40]
    assert pixels.shape[0] == picture.HEAD + 6 * (width + left)
    titles = [pixels[: picture.HEAD, left + column * (width + left) :][:, :width] for column in range(4)]
    assert all(title.min() < 128 for title in titles)  # something is written


def test_a_split_of_few_images_leaves_rows_empty() -> None:
    shown = Shown(("x",) * 2, flat(10, 2), flat(40, 9), flat(20, 2), None, None)
    pixels = drawn("monet2photo", "victim", shown)
    assert int(pixels[-50, picture.GAP + 50, 0]) == 255
    assert pixels.shape[1] == picture.GAP + 3 * (picture.SMALL + picture.GAP)


def test_where_truth_and_input_are_pairs_a_crop_is_enlarged() -> None:
    shown = Shown(("x",), flat(10, 1), flat(40, 1, 128), flat(20, 1, 128), None, flat(30, 1, 128))
    pixels = drawn("sr", "srresnet", shown)
    assert pixels.shape[1] == picture.GAP + 5 * (picture.TILE + picture.GAP)


def test_the_crop_is_where_the_victim_differs_most_from_plain_enlargement_and_is_marked_in_every_column() -> None:
    victim = torch.full((3, 160, 256), 200, dtype=torch.uint8)
    victim[:, 40:, 130:] = 100
    shown = Shown(("x",), (victim[:, :80, :128] * 0 + 200,), (victim - 50,), (victim,), None, (victim + 50,))
    pixels = np.asarray(picture.zoomed(shown, 2, "this attack"))
    second, column = picture.HEAD + 150 + picture.GAP, picture.TILE + picture.GAP
    assert pixels.shape == (second + column, picture.GAP + 5 * column, 3)
    assert tuple(pixels[-1, -1]) == (255, 255, 255)
    for number, (seen, left) in enumerate([(200, 200), (200, 200), (100, 200), (150, 250), (50, 150)]):
        x = picture.GAP + number * column
        part = pixels[:, x : x + picture.TILE]
        rows, columns = (part == (230, 80, 30)).all(-1).nonzero()
        marked = (rows.min() - picture.HEAD, rows.max() - picture.HEAD, columns.min(), columns.max())
        assert marked == (45, 135, 135, 225)
        assert set(part[second : second + picture.TILE].ravel()) == {seen}
        assert set(part[picture.HEAD : picture.HEAD + 150, :100].ravel()) == {left}
        assert (part[: picture.HEAD] < 100).any()  # its title


def test_a_small_pair_without_enlargement_is_shown_whole() -> None:
    (given,), (answer,), (truth,) = flat(10, 1, 128), flat(20, 1, 128), flat(40, 1, 128)
    given[:, 30:], answer[:, 30:] = 100, 100  # alike where there is most to see
    shown = Shown(("x",), (given,), (truth,), (answer,), None, None)
    pixels = np.asarray(picture.zoomed(shown, 1, "none"))
    second, column = picture.HEAD + picture.TILE + picture.GAP, picture.TILE + picture.GAP
    assert pixels.shape[1] == picture.GAP + 3 * column
    assert [int(pixels[second + 20, picture.GAP + number * column + 100, 0]) for number in range(3)] == [10, 20, 40]


def test_where_the_service_draws_three_blocks_stand_side_by_side() -> None:
    shown = Shown(("x",), (), flat(40, 9), flat(20, 70), None, flat(30, 64))
    pixels = drawn("latent-fidelity", "sngan", shown)
    side = picture.ACROSS * picture.TINY
    assert pixels.shape[:2] == (picture.HEAD + side + picture.GAP, picture.GAP + 3 * (side + picture.GAP))
    seen = [int(pixels[picture.HEAD + 20, picture.GAP + column * (side + picture.GAP) + 20, 0]) for column in range(3)]
    assert seen == [20, 30, 40]
    assert (
        int(pixels[picture.HEAD + side - 5, picture.GAP + 2 * (side + picture.GAP) + 5, 0]) == 255
    )  # nine images alone
