"""Photos and their small versions, whole and in crops."""

from __future__ import annotations

import io
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gexbench.cards.schema import DatasetCard
from gexbench.core.images import downscale_8bit, from_uint8, round_8bit
from gexbench.datasets.photos import ScaledPhotos
from gexbench.engine.store import datasets
from gexbench.errors import CardError, DataMissing

CARD = Path(__file__).parents[2] / "registry" / "datasets" / "photos-mini.toml"


@dataclass
class _Photo:
    """A picture held in memory that counts how often it is read."""

    name: str
    pixels: np.ndarray
    reads: list[str] = field(default_factory=list)

    def read(self) -> bytes:
        self.reads.append(self.name)
        held = io.BytesIO()
        Image.fromarray(self.pixels).save(held, "PNG")
        return held.getvalue()


def _photo(name: str, height: int, width: int, grey: bool = False) -> _Photo:
    shape = (height, width) if grey else (height, width, 3)
    return _Photo(name, np.random.default_rng(len(name)).integers(0, 256, shape, dtype=np.uint8))


def _half_flat(name: str) -> _Photo:
    photo = _photo(name, 64, 200)
    photo.pixels[:, :184] = (200, 30, 90)
    return photo


def _dataset(settings: dict[str, int | float], pool: list[_Photo], test: list[_Photo] | None = None) -> ScaledPhotos:
    files = {"owner": [_photo("o.png", 41, 30)], "pool": pool, "test/t": test or [_photo("tt.png", 80, 101)]}
    return ScaledPhotos(settings, files)


def _truth(photo: _Photo) -> torch.Tensor:
    pixels = torch.from_numpy(photo.pixels)
    return from_uint8(pixels.permute(2, 0, 1) if pixels.ndim == 3 else pixels.expand(3, -1, -1))


def test_the_truth_is_the_photo_cut_to_a_multiple_and_the_input_its_small_version() -> None:
    photos = [_photo("a.png", 33, 50), _photo("bb.png", 24, 24)]
    pool = _dataset({"scale": 4}, photos).pool()
    assert list(pool.names) == ["a.png", "bb.png"]
    assert len(pool.inputs) == len(pool.truth) == 2
    assert torch.equal(pool.truth[0], _truth(photos[0])[:, :32, :48])
    assert torch.equal(pool.inputs[0], downscale_8bit(pool.truth[0], 4))
    assert pool.inputs[0].shape == (3, 8, 12)
    assert torch.equal(round_8bit(pool.inputs[0]), pool.inputs[0])


def test_grey_photos_become_rgb() -> None:
    photo = _photo("g.png", 24, 24, grey=True)
    assert torch.equal(_dataset({"scale": 2}, [photo]).pool().truth[0], _truth(photo))


def test_the_owner_has_whole_photos() -> None:
    owner = _dataset({"scale": 4, "pool_crop": 4, "pool_count": 3}, [_photo("p.png", 64, 64)]).owner()
    assert len(owner) == 1
    assert torch.equal(owner[0], _truth(_photo("o.png", 41, 30))[:, :40, :28])


def test_crops_are_dealt_over_the_photos_in_turn() -> None:
    photos = [_photo("a.png", 40, 50), _photo("bb.png", 64, 32), _photo("ccc.png", 32, 32)]
    pool = _dataset({"scale": 4, "pool_crop": 8, "pool_count": 7}, photos).pool()
    expected = ["a.png#0", "bb.png#1", "ccc.png#2", "a.png#3", "bb.png#4", "ccc.png#5", "a.png#6"]
    assert list(pool.names) == expected
    assert {tuple(x.shape) for x in pool.truth} == {(3, 32, 32)}
    assert {tuple(x.shape) for x in pool.inputs} == {(3, 8, 8)}
    assert all(torch.equal(x, downscale_8bit(y, 4)) for x, y in zip(pool.inputs, pool.truth, strict=True))
    for index in (1, 3):
        windows = _truth(photos[index % 3]).unfold(1, 32, 1).unfold(2, 32, 1)
        assert (windows.permute(1, 2, 0, 3, 4) == pool.truth[index]).flatten(2).all(-1).sum() == 1


def test_crops_depend_on_seed_and_index_alone() -> None:
    def crops(seed: int, count: int) -> list[bytes]:
        pool = _dataset({"scale": 2, "pool_crop": 6, "pool_count": count, "seed": seed}, [_photo("p.png", 99, 80)])
        return [x.numpy().tobytes() for x in pool.pool().truth]

    assert crops(0, 9) == crops(0, 9)
    assert crops(0, 9)[:5] == crops(0, 5)
    assert len(set(crops(0, 9))) == 9
    assert not set(crops(0, 9)) & set(crops(1, 9))


def test_a_crop_that_shows_nothing_is_drawn_again() -> None:
    settings: dict[str, int | float] = {"scale": 2, "pool_crop": 10, "pool_count": 12}
    picky = _dataset(settings, [_half_flat("h.png")]).pool().truth
    content = _dataset(settings | {"min_std": 0.0}, [_half_flat("h.png")]).pool().truth
    assert min(x.std(dim=(1, 2)).mean() for x in picky) >= 0.03
    assert min(x.std(dim=(1, 2)).mean() for x in content) == 0.0


def test_a_photo_that_shows_nothing_anywhere_still_gives_a_crop() -> None:
    flat = _Photo("f.png", np.full((40, 40, 3), 9, dtype=np.uint8))
    pool = _dataset({"scale": 2, "pool_crop": 10, "pool_count": 1}, [flat]).pool()
    assert torch.equal(pool.truth[0], _truth(flat)[:, :20, :20])


def test_test_photos_are_whole_or_their_centre() -> None:
    test = [_photo("a.png", 81, 62), _photo("bb.png", 20, 24)]
    whole = _dataset({"scale": 4}, [], test).tests()["t"]
    assert [tuple(x.shape) for x in whole.truth] == [(3, 80, 60), (3, 20, 24)]
    cut = _dataset({"scale": 4, "test_crop": 10}, [], test).tests()["t"]
    assert torch.equal(cut.truth[0], whole.truth[0][:, 20:60, 10:50])
    assert torch.equal(cut.truth[1], whole.truth[1])
    assert list(cut.names) == ["a.png", "bb.png"]


def test_photos_are_read_when_asked_for_and_held_for_a_while() -> None:
    photos = [_photo("x" * n + ".png", 16, 16) for n in range(1, 20)]
    pool = _dataset({"scale": 4}, photos).pool()
    assert not any(photo.reads for photo in photos)
    assert torch.equal(pool.truth[0], pool.truth[0])
    assert torch.equal(pool.inputs[0], pool.inputs[0])
    assert len(photos[0].reads) == 1
    assert len(list(pool.truth)) == 19
    pool.truth[0]
    assert len(photos[0].reads) == 2


def test_splits_are_sequences_with_slices_and_an_end() -> None:
    pool = _dataset({"scale": 4}, [_photo("a.png", 16, 16), _photo("bb.png", 16, 16)]).pool()
    assert torch.equal(pool.truth[-1], pool.truth[1])
    assert [torch.equal(x, y) for x, y in zip(pool.inputs[0:5], pool.inputs, strict=True)] == [True, True]
    with pytest.raises(IndexError):
        pool.truth[2]


def test_names_a_photo_that_is_too_small_or_none_at_all() -> None:
    with pytest.raises(DataMissing, match=r"p\.png is 24x40 pixels, smaller than a 32x32 crop") as caught:
        _dataset({"scale": 4, "pool_crop": 8, "pool_count": 1}, [_photo("p.png", 26, 42)]).pool().truth[0]
    assert "pool_crop" in caught.value.hint
    with pytest.raises(DataMissing, match=r"p\.png is 3x9"):
        _dataset({"scale": 4}, [_photo("p.png", 3, 9)]).pool().inputs[0]
    broken = _photo("p.png", 8, 8)
    broken.read = lambda: b"<html>"  # type: ignore[method-assign]
    with pytest.raises(DataMissing, match=r"p\.png"):
        _dataset({"scale": 4}, [broken]).pool().truth[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": 0}, r"settings\.scale = 0"),
        ({"pool_crop": -1}, r"settings\.pool_crop = -1"),
        ({"scale": 2.5}, r"settings\.scale = 2\.5"),
        ({"scale": True}, r"settings\.scale = True"),
        ({"pool_size": 3}, r"settings\.pool_size"),
        ({"pool_crop": 8}, "go together"),
    ],
)
def test_refuses_settings_it_cannot_follow(settings: dict[str, int | float], message: str) -> None:
    with pytest.raises(CardError, match=message):
        _dataset(settings, [])


def test_the_mini_pool_is_512_different_crops_that_show_something() -> None:
    card = DatasetCard.model_validate(tomllib.loads(CARD.read_text()))
    pool = ScaledPhotos(card.settings, datasets.locate(card, CARD.with_suffix(".sha256"))).pool()
    inputs = list(pool.inputs)
    assert {tuple(x.shape) for x in inputs} == {(3, 24, 24)}
    assert len({x.numpy().tobytes() for x in inputs}) == 512
    assert pool.names[9] == "skimage/data/rocket.jpg#9"
