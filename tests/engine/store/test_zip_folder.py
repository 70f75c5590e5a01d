"""A folder of data sets, plain or zipped."""

from __future__ import annotations

import hashlib
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
