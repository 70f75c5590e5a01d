"""Collecting features when something is wrong: images that change, memory that is too small, weights that are gone."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from feature_factory import Colours, encoded, noise, photos, quiet, write_folder
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import ExtractorCard
from gexbench.engine.scoring.features import work
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import ImageSet, TensorImages, open_images
from gexbench.errors import AssetMissing, DataMissing, GexbenchError, OutputError

from ...processes import HANG
from .conftest import COUNT


def test_an_image_whose_features_are_nan_is_named(catalog: Catalog, card: ExtractorCard, tmp_path: Path) -> None:
    files = photos(20) | {"in/black.png": encoded(torch.zeros(3, 4, 4, dtype=torch.uint8))}
    images = open_images(write_folder(tmp_path / "p", files))
    collector = Collector(catalog, "cpu", tmp_path / "cache")
    for _ in range(2):
        with pytest.raises(DataMissing, match=r"in/black\.png gives features that are NaN"):
            collector.collect(card, images, quiet)


class Shifting(TensorImages):
    """Images of which one is another one, or not there, from the second look on."""

    def __init__(self, second: bytes | None) -> None:
        super().__init__([noise(seed) for seed in range(40)])
        self.names = [f"{index}.png" for index in range(40)]
        self._second, self._seen = second, 0

    def content(self, index: int) -> bytes:
        """Return an image's bytes; those of number 33 change."""
        if index != 33:
            return super().content(index)
        self._seen += 1
        if self._seen == 1:
            return super().content(index)
        if self._second is None:
            raise DataMissing("cannot read the image 33.png: No such file")
        return self._second


@pytest.mark.parametrize(("second", "why"), [(b"other", "changed while"), (None, "No such file")])
def test_an_image_that_changes_or_goes_between_two_looks_is_named(
    catalog: Catalog, card: ExtractorCard, second: bytes | None, why: str
) -> None:
    with pytest.raises(DataMissing, match=rf"33\.png.*{why}|{why}.*33\.png") as caught:
        Collector(catalog, "cpu").collect(card, Shifting(second), quiet)
    assert "33.png" in str(caught.value)


def test_an_image_that_is_none_is_named_and_what_was_computed_before_is_kept(
    catalog: Catalog, card: ExtractorCard, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "p", photos(COUNT) | {"zz.png": b"no image"})
    with pytest.raises(DataMissing, match=r"zz\.png"):
        Collector(catalog, "cpu", tmp_path / "cache").collect(card, open_images(folder), quiet)
    (folder / "zz.png").unlink()
    before = sum(Colours.batches)
    Collector(catalog, "cpu", tmp_path / "cache").collect(card, open_images(folder), quiet)
    assert sum(Colours.batches) < before + COUNT


def test_a_batch_too_large_for_the_device_is_halved(catalog: Catalog, card: ExtractorCard, images: ImageSet) -> None:
    expected = Collector(catalog, "cpu").collect(card, images, quiet).rows(slice(None))
    Colours.batches.clear()
    small = card.model_copy(update={"entry": "feature_factory:SmallMemory"})
    assert torch.equal(Collector(catalog, "cpu").collect(small, images, quiet).rows(slice(None)), expected)
    assert set(Colours.batches) <= {1, 2}


def test_a_device_too_small_for_one_image_is_named(catalog: Catalog, card: ExtractorCard, images: ImageSet) -> None:
    none = card.model_copy(update={"entry": "feature_factory:NoMemory"})
    with pytest.raises(GexbenchError, match="memory does not hold one image") as caught:
        Collector(catalog, "cpu").collect(none, images, quiet)
    assert caught.value.hint == "use --device cpu"


class _Activations:
    """Something large that a batch holds while it is computed."""


def test_what_a_failed_batch_held_is_free_before_its_halves_are_tried() -> None:
    held: list[weakref.ref[_Activations]] = []

    class Hungry(Colours):
        def __init__(self) -> None:
            """Need no weights."""

        def features(self, batch: Tensor) -> Tensor:
            """Hold activations, and fail for two images."""
            assert all(reference() is None for reference in held)
            activations = _Activations()
            held.append(weakref.ref(activations))
            if len(batch) > 1:
                raise torch.OutOfMemoryError("two images")
            return batch

    gc.disable()
    try:
        rows = work._rows(Hungry(), torch.eye(2))
    finally:
        gc.enable()
    assert torch.equal(rows, torch.eye(2))
    assert len(held) == 3


@pytest.mark.parametrize("most", [1, 3, 8])
def test_no_more_work_is_taken_on_than_was_allowed(most: int) -> None:
    lock, taken, given = threading.Lock(), 0, 0
    ahead: list[int] = []

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(40):
            with lock:
                taken += 1
                ahead.append(taken - given)
            yield item

    with ThreadPoolExecutor(4) as pool:
        for given, result in enumerate(work.ahead(pool, lambda item: item * item, items(), most)):
            assert result == given * given
    assert taken == 40
    assert max(ahead) <= most + 1


def test_work_that_nobody_waits_for_is_dropped() -> None:
    done: list[int] = []
    free = threading.Event()

    def take(item: int) -> int:
        if item:
            assert free.wait(timeout=HANG)
        done.append(item)
        return item

    with ThreadPoolExecutor(1) as pool:
        results = work.ahead(pool, take, range(100), 10)
        assert next(results) == 0
        results.close()
        free.set()
    assert len(done) <= 3


def test_weights_that_are_not_here_are_named(catalog: Catalog, card: ExtractorCard, images: ImageSet) -> None:
    (Path(os.environ["GEXBENCH_HOME"]) / "assets" / "colour-net.safetensors").unlink()
    with pytest.raises(AssetMissing) as caught:
        Collector(catalog, "cpu").collect(card, images, quiet)
    assert caught.value.hint == "gexbench assets fetch colour-net"


def test_a_cache_that_cannot_be_made_is_an_output_error(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=str(tmp_path / "file")):
        Collector(catalog, "cpu", tmp_path / "file" / "features")
