"""Collecting features: each image once, ever, and moments that depend on the images alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from feature_factory import (
    Colours,
    noise,
    photos,
    quiet,
    write_folder,
    write_net,
    write_zip,
)
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import ExtractorCard
from gexbench.core.features import Moments
from gexbench.engine.scoring.features import collect
from gexbench.engine.scoring.features.collect import Collector, StoredFeatures
from gexbench.engine.scoring.features.images import ImageSet, TensorImages, open_images

from ...processes import HANG
from .conftest import COUNT

TESTS = Path(__file__).resolve().parents[3]


@pytest.fixture
def expected(catalog: Catalog, card: ExtractorCard, images: ImageSet) -> StoredFeatures:
    """Return the folder's features, computed once and for all; nothing counts as computed after that."""
    found = Collector(catalog, "cpu").collect(card, images, quiet)
    assert sum(Colours.batches) == COUNT
    Colours.batches.clear()
    return found


def _same(first: StoredFeatures, second: StoredFeatures) -> bool:
    """Whether two sets have the same rows in the same order, and so the same moments."""
    a, b = first.moments, second.moments
    assert (a.mean - b.mean).norm() <= 1e-9 * b.mean.norm()
    assert (a.scatter - b.scatter).norm() <= 1e-9 * b.scatter.norm()
    return a.count == b.count and torch.equal(first.rows(slice(None)), second.rows(slice(None)))


def test_rows_are_what_the_extractor_says_of_each_image(expected: StoredFeatures) -> None:
    assert expected.shape == (COUNT, 6)
    contents = sorted(photos(COUNT).values(), key=lambda content: hashlib.sha256(content).digest())
    seeds = {content: seed for seed, content in enumerate(photos(COUNT).values())}
    planes = torch.stack([noise(seeds[content]).double().flatten(1) for content in contents])
    by_hand = torch.cat([planes.mean(dim=2), planes.std(dim=2, correction=0)], dim=1).float()
    assert torch.equal(expected.rows(slice(None)), by_hand)
    assert torch.equal(expected.rows(torch.tensor([7, 2])), by_hand[[7, 2]])
    assert torch.equal(expected.rows(slice(40, 99)), by_hand[40:])
    moments = Moments.of(by_hand)
    torch.testing.assert_close(expected.moments.mean, moments.mean, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(expected.moments.scatter, moments.scatter, rtol=1e-9, atol=1e-9)


def test_rows_are_to_be_had_in_the_order_of_names_too(expected: StoredFeatures) -> None:
    by_name = torch.cat([_row_of(noise(seed)) for seed in range(COUNT)])
    assert torch.equal(expected.in_order(), by_name)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_moments_do_not_depend_on_the_size_of_chunks(
    expected: StoredFeatures, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    whole = Moments.of(expected.rows(slice(None)))
    monkeypatch.setattr(collect, "CHUNK", chunk)
    torch.testing.assert_close(expected.moments.mean, whole.mean, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(expected.moments.scatter, whole.scatter, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_names_and_their_order_change_nothing(
    catalog: Catalog, card: ExtractorCard, expected: StoredFeatures, tmp_path: Path, packed: bool
) -> None:
    files = {f"{index % 3}/{COUNT - index}.png": content for index, content in enumerate(photos(COUNT).values())}
    place = write_zip(tmp_path / "z.zip", files) if packed else write_folder(tmp_path / "other", files)
    assert _same(Collector(catalog, "cpu").collect(card, open_images(place), quiet), expected)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_size_of_batches_changes_nothing(
    catalog: Catalog,
    card: ExtractorCard,
    images: ImageSet,
    expected: StoredFeatures,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr(collect, "_CPU_BATCH", size)
    assert _same(Collector(catalog, "cpu").collect(card, images, quiet), expected)
    assert Colours.batches[0] == min(size, COUNT)
    assert sum(Colours.batches) == COUNT


def test_what_one_collector_has_computed_no_later_call_computes(
    catalog: Catalog, card: ExtractorCard, images: ImageSet, expected: StoredFeatures, tmp_path: Path
) -> None:
    first = Collector(catalog, "cpu", tmp_path / "cache")
    assert first.collect(card, images, quiet) is first.collect(card, images, quiet)
    assert sum(Colours.batches) == COUNT
    again = Collector(catalog, "cpu", tmp_path / "cache").collect(card, images, quiet)
    more = open_images(write_folder(tmp_path / "more", photos(COUNT + 2, first=3)))
    assert Collector(catalog, "cpu", tmp_path / "cache").collect(card, more, quiet).shape == (COUNT + 2, 6)
    assert sum(Colours.batches) == COUNT + 5
    assert _same(again, expected)


def test_without_a_folder_nothing_is_kept(catalog: Catalog, card: ExtractorCard, images: ImageSet) -> None:
    for _ in range(2):
        Collector(catalog, "cpu").collect(card, images, quiet)
    assert sum(Colours.batches) == 2 * COUNT


def test_processes_that_share_the_work_get_what_one_would(
    catalog: Catalog, card: ExtractorCard, images: ImageSet, expected: StoredFeatures, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from feature_factory import *\n"
        "from gexbench.engine.scoring.features.collect import Collector\n"
        "from gexbench.engine.scoring.features.images import open_images\n"
        "catalog = write_registry(Path(sys.argv[1])); images = open_images(sys.argv[2])\n"
        "Collector(catalog, 'cpu', Path(sys.argv[3])).collect(extractor_card(catalog), images, quiet)\n"
    )
    files = list(photos(COUNT).items())
    halves = [write_folder(tmp_path / name, dict(half)) for name, half in (("h0", files[:25]), ("h1", files[20:]))]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    words = [sys.executable, "-c", code]
    started = [
        subprocess.Popen([*words, str(tmp_path / f"r{k}"), str(half), str(tmp_path / "cache")], env=env)
        for k, half in enumerate(halves)
    ]
    assert [process.wait(timeout=HANG) for process in started] == [0, 0]
    assert _same(Collector(catalog, "cpu", tmp_path / "cache").collect(card, images, quiet), expected)
    assert Colours.batches == []


@pytest.mark.parametrize("change", ["version", "settings", "entry", "weights", "torch", "pillow", "device", "name"])
def test_what_may_change_a_row_has_a_cache_of_its_own(
    catalog: Catalog, card: ExtractorCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    collector = Collector(catalog, "cpu", tmp_path / "cache")
    images = TensorImages([noise(1), noise(2)])
    before = collector.collect(card, images, quiet)
    changes = {"version": 4, "settings": {"resize": "x"}, "entry": "feature_factory:SmallMemory", "name": "me/colours"}
    if change in changes:
        card = card.model_copy(update={change: changes[change]})
    elif change == "weights":
        card = card.model_copy(update={"assets": ("colour-net", "colour-net-2")})
        text = (tmp_path / "registry/assets/colour-net.toml").read_text().replace('"colour-net"', '"colour-net-2"')
        (tmp_path / "registry/assets/colour-net-2.toml").write_text(text)
        write_net(tmp_path / "home")
        net = tmp_path / "home" / "assets" / "colour-net"
        net.with_name("colour-net-2.safetensors").write_bytes(net.with_suffix(".safetensors").read_bytes())
        catalog = Catalog(catalog.roots)
    elif change in ("torch", "pillow"):
        monkeypatch.setattr({"torch": "torch.__version__", "pillow": "PIL.__version__"}[change], "0.0.1")
    again = Collector(catalog, "cpu", tmp_path / "cache")
    if change == "device":
        monkeypatch.setattr(again, "device", "mps")
    assert _same(again.collect(card, images, quiet), before)
    assert Colours.batches == [2, 2]
    assert len(list((tmp_path / "cache").glob("*.sqlite"))) == 2


def test_an_image_that_is_there_twice_counts_twice_and_is_computed_once(
    catalog: Catalog, card: ExtractorCard, tmp_path: Path
) -> None:
    files = photos(5) | {"again.png": photos(1)["0000.png"], "in/again.png": photos(1)["0000.png"]}
    images = open_images(write_folder(tmp_path / "p", files))
    features = Collector(catalog, "cpu").collect(card, images, quiet)
    assert Colours.batches == [5]
    assert features.shape == (7, 6)
    assert features.moments.count == 7
    once = Collector(catalog, "cpu").collect(card, TensorImages([noise(s) for s in range(5)]), quiet)
    rows = torch.cat([once.rows(slice(None)), *2 * [_row_of(noise(0))]])
    torch.testing.assert_close(features.moments.mean, Moments.of(rows).mean, rtol=1e-12, atol=0.0)


def _row_of(image: Tensor) -> Tensor:
    planes = image.double().flatten(1)
    return torch.cat([planes.mean(dim=1), planes.std(dim=1, correction=0)]).float()[None]


def test_halves_share_no_image_and_no_name_decides_them(
    catalog: Catalog, card: ExtractorCard, expected: StoredFeatures, tmp_path: Path
) -> None:
    files = {f"{COUNT - index}.png": content for index, content in enumerate(photos(COUNT).values())}
    twice = files | {"again.png": files["3.png"], "again too.png": files["4.png"]}
    features = Collector(catalog, "cpu").collect(card, open_images(write_folder(tmp_path / "p", twice)), quiet)
    first, second = features.halves()
    assert (first.shape[0], second.shape[0]) == (23, 22)
    rows = [{tuple(row) for row in half.rows(slice(None)).tolist()} for half in (first, second)]
    assert rows[0] & rows[1] == set()
    assert rows[0] | rows[1] == {tuple(row) for row in expected.rows(slice(None)).tolist()}
    for half, other in zip((first, second), expected.halves(), strict=True):
        assert torch.equal(half.rows(slice(None)), other.rows(slice(None)))
        assert torch.equal(half.moments.mean, other.moments.mean)


@pytest.fixture
def pictures() -> list[Tensor]:
    """Return images among which three are one, and two."""
    return [noise(seed) for seed in (0, 1, 2, 2, 2, 5, 5, 7)]


def _pairs(
    catalog: Catalog, card: ExtractorCard, pairs: Sequence[tuple[Tensor, Tensor]], turn: int
) -> list[list[float]]:
    """Return rows beside those of their partners and the partners' lots, of sets whose references are turned."""
    collector, count = Collector(catalog, "cpu"), len(pairs)
    images = collector.collect(card, TensorImages([image for image, _ in pairs]), quiet)
    turned = [pairs[(place + turn) % count][1] for place in range(count)]
    reference = collector.collect(card, TensorImages(turned), quiet)
    partner = images.partners(reference, [(place - turn) % count for place in range(count)])
    assert sorted(partner.tolist()) == list(range(count))
    sides = (images.rows(slice(None)), reference.rows(partner), reference.lots[partner][:, None])
    return sorted(torch.cat([each.double() for each in sides], dim=1).tolist())


@pytest.mark.parametrize("turn", [0, 3])
def test_partners_are_those_of_the_names_and_no_order_decides_them_or_their_lots(
    catalog: Catalog, card: ExtractorCard, pictures: list[Tensor], turn: int
) -> None:
    pairs = list(zip([noise(seed) for seed in (20, 21, 22, 23, 22, 25, 26, 27)], pictures, strict=True))
    found = _pairs(catalog, card, pairs, turn)
    assert [row[:12] for row in found] == sorted(torch.cat([*map(_row_of, pair)], dim=1)[0].tolist() for pair in pairs)
    assert found == _pairs(catalog, card, pairs[::-1], turn)


def test_partners_of_sets_of_two_sizes_are_refused(expected: StoredFeatures) -> None:
    with pytest.raises(ValueError, match="shorter"):
        expected.partners(expected, range(3))


def test_each_image_has_a_lot_of_its_own_that_its_content_gives(
    catalog: Catalog, card: ExtractorCard, pictures: list[Tensor]
) -> None:
    first, second = (
        Collector(catalog, "cpu").collect(card, TensorImages(images), quiet)
        for images in (pictures, [*pictures[:5], noise(99), *pictures[:5:-1]])
    )
    assert len(set(first.lots.tolist())) == len(pictures)
    assert len(set(second.lots.tolist()) - set(first.lots.tolist())) == 1
    assert first.lots.abs().double().mean() > 2.0**60


class Stopped(Exception):
    """What a test stops a collection with."""


def test_stopped_midway_and_started_again_only_the_rest_is_computed(
    catalog: Catalog,
    card: ExtractorCard,
    images: ImageSet,
    expected: StoredFeatures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collect, "_CPU_BATCH", 4)
    kept = 0

    def stop(what: str, done: int, total: int) -> None:
        nonlocal kept
        if what == "features colours" and done >= 12:
            kept = done
            raise Stopped

    with pytest.raises(Stopped):
        Collector(catalog, "cpu", tmp_path / "cache").collect(card, images, stop)
    Colours.batches.clear()
    told: list[tuple[int, int]] = []
    again = Collector(catalog, "cpu", tmp_path / "cache")
    found = again.collect(card, images, lambda what, done, total: told.append((done, total)))
    assert kept == 12
    assert sum(Colours.batches) == COUNT - kept
    assert told[-1] == (COUNT - kept, COUNT - kept)
    assert _same(found, expected)
