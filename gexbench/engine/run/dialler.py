"""The bench's end of a service that is behind an address: it alone connects, and to that address alone."""

from __future__ import annotations

import functools
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from gexbench.cards.endpoint import Endpoint
from gexbench.engine.service.dial import connected, hand_over
from gexbench.engine.wire.frames import Channel, pair
from gexbench.errors import PlanError
from gexbench.files import atomic_write


def dialler(endpoint: Endpoint) -> Channel:
    """Return the end of a channel for the service; a thread connects for who holds it, as long as it is open."""
    ours, theirs = pair()
    dial = functools.partial(connected, endpoint.target.host, endpoint.target.port)
    threading.Thread(target=hand_over, args=(ours.end, dial), daemon=True, name="dialler").start()
    return theirs


def store_authorities(endpoint: Endpoint, file: Path) -> Path | None:
    """Write the certificates that this system trusts to a file for the service; None where it needs none.

    They are those of OpenSSL's usual places, or of SSL_CERT_FILE and SSL_CERT_DIR. Raises PlanError for none.
    """
    if not endpoint.target.tls:
        return None
    content = b"\n".join(_certificates())
    if b"BEGIN CERTIFICATE" not in content:
        raise PlanError(f"no certificates to trust {endpoint.url} by are on this system", "name a file: SSL_CERT_FILE")
    atomic_write(file, content)
    return file


def _certificates() -> Iterator[bytes]:
    places = ssl.get_default_verify_paths()
    if places.cafile and Path(places.cafile).is_file():
        yield Path(places.cafile).read_bytes()
    elif places.capath and Path(places.capath).is_dir():
        found = {path.resolve() for path in Path(places.capath).glob("*") if path.is_file()}
        yield from (path.read_bytes() for path in sorted(found) if path.suffix in (".pem", ".crt", ".0"))
