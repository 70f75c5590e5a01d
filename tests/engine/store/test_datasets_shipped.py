"""The data sets of the registry: their files, their hashes."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from gexbench.cards.schema import DatasetCard
from gexbench.engine.store import datasets
from gexbench.engine.store.file_lists import matching, read_pins

REGISTRY = Path(__file__).parents[3] / "registry" / "datasets"


def _shipped(name: str) -> tuple[DatasetCard, Path]:
    path = REGISTRY / f"{name}.toml"
    return DatasetCard.model_validate(tomllib.loads(path.read_text())), path.with_suffix(".sha256")


def test_the_mini_photos_are_the_ones_the_packages_ship() -> None:
    card, pins = _shipped("photos-mini")
    files = datasets.locate(card, pins)
    assert {split: len(listed) for split, listed in files.items()} == {"owner": 7, "pool": 8, "test/photos": 4}


def test_the_small_photos_are_the_pinned_ones() -> None:
    if not os.environ.get("GEXBENCH_DATA"):
        pytest.skip("GEXBENCH_DATA is unset: no BSDS500, T91, Set5, Set14 to check")
    counts = {split: len(listed) for split, listed in datasets.locate(*_shipped("sr-small")).items()}
    assert counts == {"owner": 200, "pool": 290, "test/set5": 5, "test/set14": 14}


def test_the_papers_photos_are_asked_for_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXBENCH_DATA", str(tmp_path))
    report = datasets.verify(*_shipped("div2k-flickr2k-srbenchmark"))
    assert len(report.missing) == 800 + 2650 + 100 + 219
    assert "Flickr2K/Flickr2K_HR/002650.png" in report.missing


@pytest.mark.parametrize("name", ["photos-mini", "sr-small"])
def test_every_pinned_hash_belongs_to_a_split(name: str) -> None:
    card, pins = _shipped(name)
    listed = set(read_pins(pins))
    splits = [card.splits.owner, card.splits.pool, *card.splits.test.values()]
    patterns = [pattern for split in splits for pattern in split.files]
    assert {name for pattern in patterns for name in matching(pattern, listed)} == listed
