"""Data sets laid out anew from what somebody downloaded."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DatasetCard
from gexbench.engine.store.file_lists import expand, matching
from gexbench.engine.store.rebuild import Layout, layout_of, read_names, rebuild
from gexbench.errors import CardError, DataMissing


def quiet(what: str, done: int, total: int) -> None:
    pass


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_files_are_known_by_their_content_whatever_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "in/train").mkdir(parents=True)
    (tmp_path / "in/train/odd name.jpg").write_bytes(b"one")
    (tmp_path / "in/train/other.jpg").write_bytes(b"no part of the set")
    hashes = {"set/pool/1.jpg": sha256(b"one"), "set/again/1.jpg": sha256(b"one"), "set/pool/2.jpg": sha256(b"two")}
    layout = Layout(tuple(hashes), hashes)
    assert rebuild(layout, [tmp_path / "in"], tmp_path / "data", quiet) == 2
    found = {path.relative_to(tmp_path / "data").as_posix() for path in (tmp_path / "data").rglob("*.jpg")}
    assert found == {"set/pool/1.jpg", "set/again/1.jpg"}
    assert (tmp_path / "data/set/pool/1.jpg").read_bytes() == b"one"


def test_a_file_that_was_there_and_differs_is_replaced_and_an_equal_one_is_left(tmp_path: Path) -> None:
    hashes = {"a.jpg": sha256(b"one"), "b.jpg": sha256(b"two")}
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("x", b"one")
        archive.writestr("y", b"two")
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.jpg").write_bytes(b"cut")
    (data / "b.jpg").write_bytes(b"two")
    before = (data / "b.jpg").stat().st_mtime_ns
    assert rebuild(Layout(tuple(hashes), hashes), [tmp_path / "in.zip"], data, quiet) == 2
    assert (data / "a.jpg").read_bytes() == b"one"
    assert (data / "b.jpg").stat().st_mtime_ns == before


def test_where_hashes_are_not_listed_a_file_is_told_by_the_end_of_its_path(tmp_path: Path) -> None:
    for name in ("cat/1.jpg", "repo-main/1.jpg", "repo-main/test/cat/1.jpg", "repo-main/train/cat/1.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
    layout = Layout(("set/sub/train/cat/1.jpg", "set/sub/test/cat/1.jpg"), {})
    assert rebuild(layout, [tmp_path / "in"], tmp_path / "data", quiet) == 2
    assert (tmp_path / "data/set/sub/train/cat/1.jpg").read_bytes() == b"repo-main/train/cat/1.jpg"


@pytest.mark.parametrize("line", ["a/*.jpg 1 2", "/a/*.jpg: 1", "../*.jpg: 1", "a/b.jpg: 1", "*.jpg:"])
def test_a_broken_list_of_names_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "set.names").write_text(f"b/*.png: 1\n{line}\n")
    with pytest.raises(CardError, match="line 2"):
        read_names(tmp_path / "set.names")


def test_a_set_that_is_drawn_needs_no_files_and_one_that_nobody_had_has_no_list() -> None:
    catalog = Catalog.load()
    for name, told in (("scenes-mini", "drawn by code"), ("celeba-64", "no list of its files")):
        filed = catalog.filed(DatasetCard, name)
        with pytest.raises(DataMissing, match=told):
            layout_of(filed.card, filed.pins)


def test_the_names_of_cifar_are_those_that_its_card_means() -> None:
    filed = Catalog.load().filed(DatasetCard, "cifar10-small")
    names = layout_of(filed.card, filed.pins).names
    patterns = [one for split in filed.card.splits.named().values() for each in split.files for one in expand(each)]
    assert sorted(names) == sorted(name for each in patterns for name in matching(each, names))
    assert len(set(names)) == 22050
