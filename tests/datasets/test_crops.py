"""Squares cut from a few photos."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DatasetCard
from gexbench.datasets.crops import PhotoCrops
from gexbench.errors import CardError, DataMissing

SETTINGS = {"side": 8, "pool_count": 5, "test_count": 3}


@dataclass
class Photo:
    """A noisy picture held in memory."""

    name: str
    side: int = 20

    def read(self) -> bytes:
        pixels = np.random.default_rng(len(self.name)).integers(0, 256, (self.side, self.side, 3), dtype=np.uint8)
        held = io.BytesIO()
        Image.fromarray(pixels).save(held, "PNG")
        return held.getvalue()


def crops(**changes: object) -> PhotoCrops:
    files = {"pool": [Photo("a"), Photo("bb")], "test/near": [Photo("ccc")], "test/far": [Photo("dddd")]}
    return PhotoCrops({**SETTINGS, **changes}, files)


def test_squares_are_dealt_over_the_photos_in_turn_and_have_no_truth() -> None:
    pool, tests = crops().pool(), crops().tests()
    assert list(pool.names) == ["a#0", "bb#1", "a#2", "bb#3", "a#4"]
    assert {tuple(x.shape) for x in pool.inputs} == {(3, 8, 8)}
    assert {name: len(split.inputs) for name, split in tests.items()} == {"near": 3, "far": 3}
    assert [len(split.truth) for split in (pool, *tests.values())] == [0, 0, 0]
    assert list(crops().owner()) == list(crops().style()) == []


def test_the_same_squares_are_cut_every_time_and_others_by_another_seed() -> None:
    again, other = crops().pool().inputs, crops(seed=1).pool().inputs
    assert all(torch.equal(x, y) for x, y in zip(crops().pool().inputs, again, strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(again, other, strict=True))


@pytest.mark.parametrize(("key", "value"), [("side", 4), ("pool_count", 0), ("test_count", "many"), ("sides", 8)])
def test_settings_it_does_not_know_or_out_of_range_are_refused(key: str, value: object) -> None:
    with pytest.raises(CardError, match=rf"settings\.{key}"):
        crops(**{key: value})


def test_a_photo_smaller_than_a_square_is_named() -> None:
    with pytest.raises(DataMissing, match=r"a is 20x20 pixels, smaller than a 24x24 crop"):
        crops(side=24).pool().inputs[0]


def test_what_stands_in_has_the_splits_and_the_side_of_what_it_stands_in_for() -> None:
    catalog = Catalog.load()
    usual, other = (catalog.get(DatasetCard, name) for name in ("photos-128", "photos-128-packaged"))
    assert usual.settings["side"] == other.settings["side"] == 128
    assert all(split.within == "package" for split in other.splits.named().values())
    assert Path(catalog.filed(DatasetCard, "photos-128").pins).is_file()
