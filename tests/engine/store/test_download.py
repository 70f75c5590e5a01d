from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from gexbench.engine.store import download
from gexbench.engine.store.download import Wanted, fetch_url, receive
from gexbench.engine.store.source_failed import SourceFailed
from gexbench.errors import OutputError

from .conftest import Page, Web

BODY = bytes(range(256)) * 4000
WANTED = Wanted(hashlib.sha256(BODY).hexdigest(), len(BODY))


def silent(done: int, total: int) -> None:
    pass


@pytest.fixture
def source(web: Web, monkeypatch: pytest.MonkeyPatch) -> str:
    """An https source; the server on this machine has no certificate, so it is asked by http."""

    def without_certificate(request: urllib.request.Request, timeout: float) -> Any:
        request.full_url = request.full_url.replace("https://", "http://")
        return urllib.request.urlopen(request, timeout=timeout)

    monkeypatch.setattr(download, "urlopen", without_certificate)
    return f"{web.url}/file".replace("http://", "https://")


def test_the_file_arrives_whole_and_progress_ends_at_its_size(web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(BODY)
    seen: list[tuple[int, int]] = []
    fetch_url(f"{web.url}/file", tmp_path / "part", len(BODY), lambda done, total: seen.append((done, total)))
    assert (tmp_path / "part").read_bytes() == BODY
    assert seen == sorted(seen)
    assert seen[-1] == (len(BODY), len(BODY))


def test_a_connection_that_breaks_is_taken_up_where_it_broke(web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(BODY, breaks_after=400_000)
    fetch_url(f"{web.url}/file", tmp_path / "part", len(BODY), silent)
    assert (tmp_path / "part").read_bytes() == BODY
    assert [span for _, span in web.asked] == [None, "bytes=400000-", "bytes=800000-"]


def test_a_later_run_goes_on_where_the_earlier_one_ended(web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(BODY)
    (tmp_path / "part").write_bytes(BODY[:1000])
    fetch_url(f"{web.url}/file", tmp_path / "part", len(BODY), silent)
    assert (tmp_path / "part").read_bytes() == BODY
    assert [span for _, span in web.asked] == ["bytes=1000-"]


def test_a_server_without_ranges_is_read_from_the_start(web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(BODY, ranges=False)
    (tmp_path / "part").write_bytes(BODY[:1000])
    fetch_url(f"{web.url}/file", tmp_path / "part", len(BODY), silent)
    assert (tmp_path / "part").read_bytes() == BODY


def test_a_server_that_brings_nothing_more_is_given_up(web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(BODY, breaks_after=1000, ranges=False)
    with pytest.raises(SourceFailed, match=rf"^{web.url}/file: ended after 1000 of {len(BODY)} bytes; run again"):
        fetch_url(f"{web.url}/file", tmp_path / "part", len(BODY), silent)


@pytest.mark.parametrize(
    "page",
    [Page(BODY, kind="text/html; charset=utf-8"), Page(b"\n<!DOCTYPE html><p>Log in".ljust(len(BODY)))],
    ids=["by its type", "by its beginning"],
)
def test_a_web_page_in_disguise_is_recognised(page: Page, web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = page
    with pytest.raises(SourceFailed, match=f"^{web.url}/file: sent a web page"):
        fetch_url(f"{web.url}/file", tmp_path / "part", len(BODY), silent)
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("body", [BODY + b"x", BODY[:-1]])
def test_another_size_is_refused_before_the_file_is_read(body: bytes, web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(body)
    with pytest.raises(SourceFailed, match=f"holds {len(body)} bytes, the card says {len(BODY)}"):
        fetch_url(f"{web.url}/file", tmp_path / "part", len(BODY), silent)
    assert not (tmp_path / "part").exists()


def test_a_refusal_is_one_line_that_names_the_source(web: Web, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=rf"^{web.url}/file: HTTP 404 Not Found$"):
        fetch_url(f"{web.url}/file", tmp_path / "part", len(BODY), silent)


def test_a_server_that_is_not_there_is_one_line_that_names_the_source(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=r"^http://127\.0\.0\.1:1/file: .+$"):
        fetch_url("http://127.0.0.1:1/file", tmp_path / "part", len(BODY), silent)


def test_what_is_received_lies_under_its_hash_and_is_not_fetched_again(source: str, web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(BODY)
    path = receive(source, WANTED, tmp_path / "new", silent)
    assert path == tmp_path / "new" / WANTED.sha256
    assert path.read_bytes() == BODY
    assert receive(source, WANTED, tmp_path / "new", silent) == path
    assert len(web.asked) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_file_with_another_hash_is_refused_and_removed(source: str, web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(BODY[::-1])
    with pytest.raises(SourceFailed, match=f"^{source}: has sha256 .*, the card says {WANTED.sha256}$"):
        receive(source, WANTED, tmp_path, silent)
    assert list(tmp_path.iterdir()) == []
    assert len(web.asked) == 1


def test_a_garbled_beginning_is_dropped_and_the_file_fetched_anew(source: str, web: Web, tmp_path: Path) -> None:
    web.pages["/file"] = Page(BODY)
    (tmp_path / f"{WANTED.sha256}.part").write_bytes(b"x" * 1000)
    assert receive(source, WANTED, tmp_path, silent).read_bytes() == BODY
    assert [span for _, span in web.asked] == ["bytes=1000-", None]


@pytest.mark.parametrize("source", ["http://127.0.0.1/file", "file:///etc/passwd", "/etc/passwd"])
def test_only_https_and_pypi_are_sources(source: str, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=f"^{source}: a source begins with https:// or pypi:$"):
        receive(source, WANTED, tmp_path, silent)


def test_a_disk_that_fills_up_is_no_fault_of_the_source(
    source: str, web: Web, tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    web.pages["/file"] = Page(BODY)
    with full_disk(300_000), pytest.raises(OutputError, match=str(tmp_path)):
        receive(source, WANTED, tmp_path, silent)
    assert receive(source, WANTED, tmp_path, silent).read_bytes() == BODY
