"""Where a missing file of a data set may be."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from gexbench.engine.store.nearby import look_around


def _lay(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


@pytest.mark.parametrize(
    ("there", "wanted", "told"),
    [
        ("set/pool/1.JPG", "set/pool/1.jpg", "set/pool/1.JPG is there: rename it"),
        ("Set/pool/1.jpg", "set/pool/*.jpg", "Set/pool is there: rename it"),
        ("set/Pool.zip", "set/pool/1.jpg", "set/Pool.zip is there: rename it"),
        ("pool/1.jpg", "set/pool/1.jpg", "name a folder set around it"),
        ("data/set/pool/1.jpg", "set/pool/1.jpg", "set GEXBENCH_DATA to that"),
        ("set/pool.tar.gz", "set/pool/1.jpg", "set/pool.tar.gz is there: unpack it"),
        ("set/pool.7z", "set/pool/*.jpg", "set/pool.7z is there: unpack it"),
        ("set/pool.zip.part", "set/pool/*.jpg", "its download did not end"),
        ("set/pool/1.png", "set/pool/*.jpg", "set/pool holds 1 .png"),
    ],
)
def test_what_lies_nearby_is_said(tmp_path: Path, there: str, wanted: str, told: str) -> None:
    _lay(tmp_path, there)
    assert told in look_around(tmp_path, wanted)


def test_where_the_file_is_in_its_zip_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pool.zip", "w") as archive:
        archive.writestr("HR/0001.png", b"x")
    assert "the zip holds HR/0001.png, not 0001.png (pool.zip)" in look_around(tmp_path, "pool/0001.png")
    assert "the zip holds HR/0001.png" in look_around(tmp_path, "pool/*.png")


def test_nothing_is_said_where_nothing_is(tmp_path: Path) -> None:
    assert look_around(tmp_path, "set/pool/1.jpg") == ""
    assert look_around(tmp_path / "gone", "set/pool/*.jpg") == ""
