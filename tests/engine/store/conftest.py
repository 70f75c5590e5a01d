"""What the tests of the asset store share: a web server, package files, an asset."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gexbench.cards.schema import AssetCard
from gexbench.engine.store.assets import AssetStore
from gexbench.engine.store.convert import to_safetensors

from .stylegan_authors import Authors, arrivals


@dataclass
class Page:
    """One address: what it answers, and after how many bytes each answer breaks off."""

    body: bytes
    kind: str = "application/octet-stream"
    breaks_after: int | None = None
    ranges: bool = True


@dataclass
class Web:
    """A web server on this machine; `asked` holds (path, Range header) of each request."""

    url: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        span = self.headers.get("Range")
        self.web.asked.append((self.path, span))
        page = self.web.pages.get(self.path)
        if page is None:
            self.send_error(404)
            return
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and page.ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(page.body) - start))
        self.end_headers()
        end = len(page.body) if page.breaks_after is None else start + page.breaks_after
        self.wfile.write(page.body[start:end])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    served = Web()
    handler = type("Handler", (_Handler,), {"web": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        served.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Shelf:
    """A folder of distribution files, the only place where pip looks."""

    folder: Path

    def wheel(self, files: Mapping[str, bytes]) -> Path:
        path = self.folder / "box-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path

    def sdist(self, files: Mapping[str, bytes]) -> Path:
        path = self.folder / "box-1.0.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(f"box-1.0/{name}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return path


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", folder.as_uri())
    return Shelf(folder)


@dataclass(frozen=True)
class Sample:
    """An asset that the shelf offers, and an empty store for it."""

    card: AssetCard
    content: bytes
    store: AssetStore
    shelf: Shelf

    def put(self, card: AssetCard | None = None) -> Path:
        """Lay the file where the store keeps it, as if it had been fetched."""
        path = self.store.place(card or self.card)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path


@pytest.fixture
def sample(tmp_path: Path, shelf: Shelf) -> Sample:
    content = to_safetensors({"weight": np.arange(60000, dtype=np.float32)})
    shelf.wheel({"box/net.safetensors": content})
    digest = hashlib.sha256(content).hexdigest()
    card = AssetCard(
        name="box-net",
        summary="A box.",
        sources=("pypi:box==1.0!box/net.safetensors",),
        sha256=digest,
        size=len(content),
        licence="MIT",
        result_sha256=digest,
    )
    return Sample(card, content, AssetStore(tmp_path / "assets"), shelf)


@pytest.fixture
def authors() -> Iterator[Authors]:
    """Return what puts the modules of StyleGAN2's authors in place until the test ends."""
    yield from arrivals()
