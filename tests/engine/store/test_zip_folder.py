"""A folder of data sets, plain or zipped."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from gexbench.engine.store.zip_folder import DataFolder
from gexbench.errors import DataMissing


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with one plain folder and one zip that holds a folder."""
    (tmp_path / "set/plain").mkdir(parents=True)
    (tmp_path / "set/plain/a.png").write_bytes(b"a")
    (tmp_path / "set/plain/.hidden.png").write_bytes(b"h")
    with zipfile.ZipFile(tmp_path / "set/packed.v1.zip", "w") as archive:
        archive.writestr("cat/1.png", b"one")
        archive.writestr("cat/2.png", b"two")
        archive.writestr("top.png", b"top")
    return tmp_path


def test_finds_a_plain_file_with_its_hash(root: Path) -> None:
    file = DataFolder(root).find("set/plain/a.png")
    assert file is not None
    assert file.read() == b"a"
    assert file.path == root / "set/plain/a.png"
    assert file.sha256 == hashlib.sha256(b"a").hexdigest()


def test_finds_a_file_in_a_zip_that_has_its_folders_name(root: Path) -> None:
    folder = DataFolder(root)
    deep, flat = folder.find("set/packed.v1/cat/2.png"), folder.find("set/packed.v1/top.png")
    assert deep is not None
    assert flat is not None
    assert (deep.read(), flat.read()) == (b"two", b"top")
    assert deep.path == root / "set/packed.v1.zip"
    assert deep.sha256 == hashlib.sha256(b"two").hexdigest()
    assert deep.archive is flat.archive


def test_a_plain_file_comes_before_its_namesake_in_a_zip(root: Path) -> None:
    (root / "set/packed.v1").mkdir()
    (root / "set/packed.v1/top.png").write_bytes(b"plain")
    file = DataFolder(root).find("set/packed.v1/top.png")
    assert file is not None
    assert file.read() == b"plain"


def test_finds_nothing_where_nothing_is(root: Path) -> None:
    folder = DataFolder(root)
    for name in ("set/plain/b.png", "set/packed.v1/dog/1.png", "set/plain", "gone/x.png", "x.png"):
        assert folder.find(name) is None


def test_lists_what_a_pattern_means_plain_or_packed(root: Path) -> None:
    folder = DataFolder(root)
    assert folder.names("set/plain/*.png") == ["set/plain/a.png"]
    assert folder.names("set/packed.v1/cat/*.png") == ["set/packed.v1/cat/1.png", "set/packed.v1/cat/2.png"]
    assert folder.names("set/packed.v1/*/2.png") == ["set/packed.v1/cat/2.png"]
    assert folder.names("set/*/a.png") == ["set/plain/a.png"]
    assert folder.names("gone/*.png") == []


def test_a_file_that_vanishes_or_a_zip_that_is_none_is_named(root: Path) -> None:
    file = DataFolder(root).find("set/plain/a.png")
    assert file is not None
    file.path.unlink()
    with pytest.raises(DataMissing, match=r"set/plain/a\.png"):
        file.read()
    (root / "bad.zip").write_bytes(b"<html>")
    with pytest.raises(DataMissing, match=r"bad\.zip"):
        DataFolder(root).find("bad/1.png")


def test_a_damaged_member_is_named(root: Path) -> None:
    path = root / "set/packed.v1.zip"
    path.write_bytes(path.read_bytes().replace(b"two", b"owt"))
    with pytest.raises(DataMissing, match=r"packed\.v1/cat/2\.png"):
        DataFolder(root).find("set/packed.v1/cat/2.png")


def test_a_folder_or_zip_that_holds_a_folder_of_its_own_name_is_read_as_that(root: Path) -> None:
    (root / "unpacked/unpacked").mkdir(parents=True)
    (root / "unpacked/unpacked/a.png").write_bytes(b"a")
    with zipfile.ZipFile(root / "set/inner.zip", "w") as archive:
        archive.writestr("inner/1.png", b"one")
        archive.writestr("__MACOSX/inner/._1.png", b"fork")
    folder = DataFolder(root)
    assert folder.names("unpacked/*.png") == ["unpacked/a.png"]
    assert folder.names("set/inner/*.png") == ["set/inner/1.png"]
    for name, content in (("unpacked/a.png", b"a"), ("set/inner/1.png", b"one")):
        file = folder.find(name)
        assert file is not None
        assert (file.name, file.read()) == (name, content)


def test_what_lies_where_it_should_comes_before_what_lies_one_folder_further_in(root: Path) -> None:
    (root / "set/plain/plain").mkdir()
    (root / "set/plain/plain/a.png").write_bytes(b"inner")
    (root / "set/plain/plain/z.png").write_bytes(b"inner")
    folder = DataFolder(root)
    assert folder.names("set/plain/*.png") == ["set/plain/a.png"]
    file = folder.find("set/plain/a.png")
    assert file is not None
    assert file.read() == b"a"


def test_names_in_a_zip_from_windows_are_paths(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("cat\\1.png", b"one")
        archive.writestr("./cat/2.png", b"two")
    assert DataFolder(tmp_path).names("set/cat/*.png") == ["set/cat/1.png", "set/cat/2.png"]


def test_a_zip_beside_a_folder_fills_its_gaps_but_a_file_cut_short_is_refused(root: Path) -> None:
    (root / "set/packed.v1").mkdir()
    (root / "set/packed.v1/top.png").write_bytes(b"top")
    with zipfile.ZipFile(root / "set/packed.v1.zip", "a") as archive:
        archive.writestr("other.png", b"other")
    folder = DataFolder(root)
    assert folder.names("set/packed.v1/*.png") == ["set/packed.v1/other.png", "set/packed.v1/top.png"]
    (root / "set/packed.v1/top.png").write_bytes(b"t")
    with pytest.raises(DataMissing, match=r"top\.png has 1 bytes, in .* it has 3: unpacked in part"):
        folder.find("set/packed.v1/top.png")


def test_a_name_that_stands_twice_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("1.png", b"one")
        archive.writestr("2.png", b"another")
    (tmp_path / "set.zip").write_bytes((tmp_path / "set.zip").read_bytes().replace(b"2.png", b"1.png"))
    with pytest.raises(DataMissing, match=r"1\.png stands twice in .*set\.zip"):
        DataFolder(tmp_path).find("set/1.png")


def test_a_link_to_nowhere_is_named_and_not_passed_over(root: Path) -> None:
    (root / "set/plain/b.png").symlink_to("../.git/annex/objects/b.png")
    folder = DataFolder(root)
    assert folder.names("set/plain/*.png") == ["set/plain/a.png", "set/plain/b.png"]
    with pytest.raises(DataMissing, match=r"b\.png from .* git-annex") as caught:
        folder.find("set/plain/b.png")
    assert "git annex get" in caught.value.hint


def test_a_pipe_is_named_and_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "set/plain/b.png")
    folder = DataFolder(root)
    assert folder.names("set/plain/*.png") == ["set/plain/a.png", "set/plain/b.png"]
    with pytest.raises(DataMissing, match=r"b\.png from .*: it is no regular file"):
        folder.find("set/plain/b.png")


def test_names_that_differ_in_case_alone_are_told(root: Path) -> None:
    (root / "set/plain/B.PNG").write_bytes(b"b")
    folder = DataFolder(root)
    assert folder.names("set/plain/*.png") == ["set/plain/a.png"]
    assert folder.but_for_case("set/plain/*.png") == ["set/plain/B.PNG"]
    assert folder.but_for_case("set/packed.v1/*/*.png") == []


def test_a_zip_that_cannot_be_opened_is_named_at_every_file(root: Path) -> None:
    (root / "bad.zip").write_bytes(b"PK\3\4")
    folder = DataFolder(root)
    for _ in range(2):
        with pytest.raises(DataMissing, match=r"bad\.zip"):
            folder.find("bad/1.png")
