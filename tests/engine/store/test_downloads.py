"""Folders and archives as people have them after a download."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from gexbench.engine.store.downloads import contents
from gexbench.errors import DataMissing


def tar(path: Path, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        entry = tarfile.TarInfo("top/a.jpg")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"a"))
        link = tarfile.TarInfo("top/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


def test_files_of_folders_zips_and_tars_are_read_and_archives_in_folders_opened(tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/deep/b.jpg").write_bytes(b"b")
    with zipfile.ZipFile(tmp_path / "in/some.zip", "w") as archive:
        archive.writestr("c.jpg", b"c")
    tar(tmp_path / "in/some.tgz")
    assert dict(contents(tmp_path / "in")) == {"deep/b.jpg": b"b", "some.zip/c.jpg": b"c", "some.tgz/top/a.jpg": b"a"}
    assert dict(contents(tmp_path / "in/some.zip")) == {"c.jpg": b"c"}


@pytest.mark.parametrize("mode", ["w", "w:xz", "w:bz2"])
def test_links_in_a_tar_lead_nowhere(tmp_path: Path, mode: str) -> None:
    assert dict(contents(tar(tmp_path / "x.tar", mode))) == {"top/a.jpg": b"a"}


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.jpg").write_bytes(b"secret")
    os.symlink(tmp_path / "out.jpg", tmp_path / "in/out.jpg")
    assert dict(contents(tmp_path / "in")) == {}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.zip", b"PK\3\4 cut", "neither a folder nor a zip"),
        ("a.tgz", b"\x1f\x8b cut", "cannot be read"),
        ("a.rar", b"Rar!", "is no folder, zip or tar"),
        ("nowhere", None, "is not there"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataMissing, match=told) as caught:
        list(contents(tmp_path / name))
    assert "\n" not in str(caught.value)
