"""What is wrong with a zip becomes one line."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest

from gexbench.engine.store.zip_member import open_zip, read_member
from gexbench.errors import DataMissing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a zip of one member, deflated."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", bytes(range(256)) * 8)
    return tmp_path / "a.zip"


def _patch(path: Path, local: int, central: int, value: int, form: str = "<H") -> None:
    raw = bytearray(path.read_bytes())
    for mark, at in ((b"PK\3\4", local), (b"PK\1\2", central)):
        struct.pack_into(form, raw, raw.index(mark) + at, value)
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("change", "told", "hint"),
    [
        ((8, 10, 9), "compression", "by deflate"),
        ((8, 10, 99), "compression", "by deflate"),
        ((6, 8, 1), "encrypted", "without a password"),
        ((14, 16, 7, "<I"), "CRC", "fetch it again"),
    ],
)
def test_a_foreign_or_damaged_member_is_named(path: Path, change: tuple[int, int, int], told: str, hint: str) -> None:
    _patch(path, *change)
    archive = open_zip(path)
    with pytest.raises(DataMissing, match=rf"(?s)pool/1\.png from a\.zip.*{told}") as caught:
        read_member(archive, archive.infolist()[0], "pool/1.png from a.zip")
    assert hint in caught.value.hint


def test_broken_deflate_is_named(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[40:90] = b"\xff" * 50
    path.write_bytes(raw)
    archive = open_zip(path)
    with pytest.raises(DataMissing, match="cannot read it"):
        read_member(archive, archive.infolist()[0], "it")


def test_a_member_of_too_many_bytes_is_refused_unread(path: Path) -> None:
    archive = open_zip(path)
    item = archive.infolist()[0]
    item.file_size = 3_000_000_000
    with pytest.raises(DataMissing, match=r"it unpacks to 3000000000 bytes"):
        read_member(archive, item, "it")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("1.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    archive = open_zip(tmp_path / "a.zip")
    with pytest.raises(DataMissing, match="it is a link"):
        read_member(archive, archive.infolist()[0], "it")


@pytest.mark.parametrize(
    ("content", "told", "hint"),
    [
        (b"<html>Quota exceeded", "a web page", "fetch the file itself again"),
        (b"", "an empty file", "fetch the file itself again"),
        (b"\x1f\x8b\x08", "a gzip archive", "unpack it first"),
        (b"\x93NUMPY\1\0", "a NumPy array", "save each image as an 8-bit PNG"),
        (b"PK\3\4 cut short", "not a zip file", "fetch it again"),
        (b"\x00\x01\x02 who knows", "not a zip file", "fetch it again"),
    ],
)
def test_what_is_no_zip_is_called_what_it_is(tmp_path: Path, content: bytes, told: str, hint: str) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(
        DataMissing, match=rf"(?i)a\.zip is neither a folder nor a zip that can be read: .*{told}"
    ) as caught:
        open_zip(tmp_path / "a.zip")
    assert hint in caught.value.hint


def test_a_zip_that_was_written_to_a_pipe_is_read(tmp_path: Path) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as pipe, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", b"content")
    with os.fdopen(read, "rb") as pipe:
        (tmp_path / "a.zip").write_bytes(pipe.read())
    opened = open_zip(tmp_path / "a.zip")
    assert read_member(opened, opened.infolist()[0], "it") == b"content"
