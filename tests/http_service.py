"""A service over HTTP on this machine that enlarges or draws, counts what it is asked, and misbehaves when told to."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

Tint = tuple[int, int, int]


@dataclass
class Reply:
    """What a service sends back."""

    content: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def enlarged(content: bytes, scale: int = 4, shift: int = 0) -> bytes:
    """Return the PNG of an enlarged PNG, a little lighter by `shift`."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    large = image.resize((image.width * scale, image.height * scale), Image.Resampling.BILINEAR)
    return png(large.point(lambda value: min(255, value + shift)))


def drawn(seed: int, side: int = 32) -> bytes:
    """Return the PNG of an image drawn from a seed."""
    digest = hashlib.sha256(str(seed).encode()).digest()
    return png(Image.frombytes("RGB", (3, 3), digest[:27]).resize((side, side), Image.Resampling.BICUBIC))


@dataclass
class Service:
    """A running service. bodies: what it was asked, in order. reply: what it answers a body with.

    headers: of the last question.
    """

    reply: Callable[[bytes], Reply]
    bodies: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def count(self, body: bytes) -> int:
        """Return how often it was asked that."""
        return self.bodies.count(body)


def as_png(body: bytes) -> Reply:
    """Answer a PNG with a PNG."""
    return Reply(enlarged(body), headers={"Content-Type": "image/png"})


def as_json(body: bytes) -> Reply:
    """Answer JSON with JSON."""
    image = base64.b64encode(enlarged(base64.b64decode(json.loads(body)["picture"]))).decode()
    return Reply(json.dumps({"images": [f"data:image/png;base64,{image}"]}).encode())


def draws(body: bytes) -> Reply:
    """Draw one image from a seed."""
    asked = json.loads(body)
    assert set(asked) == {"n", "seed"}
    assert asked["n"] == 1
    return Reply(drawn(asked["seed"]))


@contextmanager
def running(reply: Callable[[bytes], Reply] = as_png, certificate: Path | None = None) -> Iterator[Service]:
    """Run a service inside the block, on a port that the system chooses; certificate: with its key, for TLS."""
    service = Service(reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.bodies.append(body)
            service.headers = dict(self.headers.items())
            answer = service.reply(body)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing of those who went away."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    service.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_address[1]}/enlarge"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
