"""Hashes of one's own images, written beside the card."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from own_images import fill

from gexbench.cards.schema import DatasetCard
from gexbench.engine.store import datasets
from gexbench.engine.store.file_lists import read_pins
from gexbench.engine.store.pin import examined, refuse_faults, write_pins
from gexbench.errors import CardError, DataMissing


def card(share: float = 0.5) -> DatasetCard:
    part = {"within": "folder", "files": ["*.png"]}
    return DatasetCard.model_validate(
        {
            "name": "me/own",
            "summary": "s",
            "reader": "gexbench.datasets.image_folder:image_folder",
            "licence": "none",
            "folder": "images",
            "settings": {"layout": "one", "side": 16},
            "splits": {"pool": {**part, "share": share}, "test": {"mine": {**part, "share": 1 - share}}},
        }
    )


def quiet(what: str, done: int, total: int) -> None:
    """Show nothing."""


def test_all_files_are_pinned_and_then_checked(tmp_path: Path) -> None:
    fill(tmp_path / "images", 12, 16)
    pins = tmp_path / "own.sha256"
    assert write_pins(examined(card(), pins, quiet).files, pins) == 12
    first = tmp_path / "images/000.png"
    assert read_pins(pins)["000.png"] == hashlib.sha256(first.read_bytes()).hexdigest()
    assert sum(len(files) for files in datasets.locate(card(), pins).values()) == 12
    first.write_bytes((tmp_path / "images/001.png").read_bytes())
    with pytest.raises(DataMissing, match=r"not as pinned 1 file: 000\.png"):
        datasets.locate(card(), pins)


def test_what_came_later_is_no_part_of_it_until_it_is_pinned(tmp_path: Path) -> None:
    fill(tmp_path / "images", 12, 16)
    pins = tmp_path / "own.sha256"
    write_pins(examined(card(), pins, quiet).files, pins)
    before = datasets.locate(card(), pins)
    fill(tmp_path / "images", 14, 16)
    assert datasets.locate(card(), pins) == before
    after = examined(card(), pins, quiet).files
    assert sum(len(files) for files in after.values()) == 14
    assert all({file.name for file in before[split]} <= {file.name for file in after[split]} for split in before)


def test_where_files_are_gone_the_card_or_the_folder_is_to_be_mended(tmp_path: Path) -> None:
    fill(tmp_path / "images", 12, 16)
    write_pins(examined(card(), tmp_path / "own.sha256", quiet).files, tmp_path / "own.sha256")
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(DataMissing, match=r"missing 12 files: .*; no folder .*images") as caught:
        datasets.locate(card(), tmp_path / "own.sha256")
    assert caught.value.hint == "put them there, or correct folder and files on the card"
    assert datasets.verify(card(), tmp_path / "own.sha256").nearby == caught.value.hint


def test_without_a_list_the_command_that_writes_it_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "images", 4, 16)
    with pytest.raises(CardError, match="cannot read the list of hashes") as caught:
        datasets.locate(card(), tmp_path / "own.sha256")
    assert "gexbench data pin" in caught.value.hint


def test_files_of_ones_own_cannot_go_unpinned() -> None:
    with pytest.raises(ValueError, match="files of one's own are pinned"):
        DatasetCard.model_validate({**card().model_dump(), "pinned": False})


def test_a_share_that_leaves_a_split_empty_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "images", 3, 16)
    report = examined(card(0.999), tmp_path / "own.sha256", quiet)
    with pytest.raises(DataMissing, match=r"the share 0\.001 leaves test/mine none of 3 files"):
        refuse_faults(card(), report)


def test_one_picture_in_two_splits_is_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path / "images", 12, 16)
    files = examined(card(), tmp_path / "own.sha256", quiet).files
    (folder / files["pool"][0].name).write_bytes((folder / files["test/mine"][0].name).read_bytes())
    with pytest.raises(DataMissing, match=r"of test/mine is the same picture as .* of pool"):
        refuse_faults(card(), examined(card(), tmp_path / "own.sha256", quiet))


def test_a_name_that_no_list_holds_is_refused(tmp_path: Path) -> None:
    (fill(tmp_path / "images", 12, 16) / "000.png").rename(tmp_path / "images/a\nb.png")
    with pytest.raises(DataMissing, match="cannot stand in a list of hashes"):
        write_pins(examined(card(), tmp_path / "own.sha256", quiet).files, tmp_path / "own.sha256")
