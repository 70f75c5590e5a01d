"""The picture of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.engine.kinds.evidence import TestEvidence as Shown
from gexbench.engine.run import picture
from gexbench.plan import Identity, Plan, Request, resolve


def flat(value: int, count: int, side: int = 32) -> tuple[Tensor, ...]:
    return tuple(torch.full((3, side, side), value, dtype=torch.uint8) for _ in range(count))


def plan(task: str, attack: str) -> Plan:
    return resolve(Request(task, attack), Catalog.load(), Identity("", "", ""))


def drawn(folder: Path, task: str, attack: str, shown: Shown) -> np.ndarray:
    picture.draw(folder / "samples.png", shown, plan(task, attack))
    return np.asarray(Image.open(folder / "samples.png"))


def test_where_the_truth_is_a_style_a_grid_shows_six_images_in_each_column(tmp_path: Path) -> None:
    shown = Shown(("x",) * 9, flat(10, 9), flat(40, 3), flat(20, 9), None, flat(30, 9))
    pixels = drawn(tmp_path, "monet2photo", "pix2pix", shown)
    left, width = picture.GAP, picture.SMALL
    seen = [int(pixels[picture.HEAD + 50, left + column * (width + left) + 50, 0]) for column in range(4)]
    assert seen == [10, 20, 30, 40]
    assert pixels.shape[0] == picture.HEAD + 6 * (width + left)


def test_a_split_of_few_images_leaves_rows_empty(tmp_path: Path) -> None:
    shown = Shown(("x",) * 2, flat(10, 2), flat(40, 9), flat(20, 2), None, None)
    pixels = drawn(tmp_path, "monet2photo", "victim", shown)
    assert int(pixels[-50, picture.GAP + 50, 0]) == 255
    assert pixels.shape[1] == picture.GAP + 3 * (picture.SMALL + picture.GAP)


def test_where_truth_and_input_are_pairs_a_crop_is_enlarged(tmp_path: Path) -> None:
    shown = Shown(("x",), flat(10, 1), flat(40, 1, 128), flat(20, 1, 128), None, flat(30, 1, 128))
    pixels = drawn(tmp_path, "sr", "srresnet", shown)
    assert pixels.shape[1] == picture.GAP + 5 * (picture.TILE + picture.GAP)
