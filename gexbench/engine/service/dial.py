"""How a service that may open no socket gets one: the bench, which knows one address, hands it over connected."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CONNECTED_WITHIN = 20.0
"""Seconds until a connection stands."""
LONGEST = 512
"""Bytes of what is said of one that does not."""

Dial = Callable[[], socket.socket]
"""Returns a new connection to the one address there is; raises OSError saying why there is none."""


@dataclass(frozen=True)
class Reach:
    """How a service reaches its victim: a way to connect, headers with their values, whom TLS trusts, the account."""

    dial: Dial
    headers: dict[str, str]
    authorities: Path | None = None
    ledger: Path | None = None


def connected(host: str, port: int) -> socket.socket:
    """Return a new connection; raises OSError."""
    try:
        return socket.create_connection((host, port), CONNECTED_WITHIN)
    except UnicodeError:
        raise OSError("no such host") from None


class FarDial:
    """Connections that the bench hands over a channel; it implements Dial."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def __call__(self) -> socket.socket:
        """Return a new connection; raises OSError."""
        self._end.settimeout(2 * CONNECTED_WITHIN)
        self._end.sendall(b"d")
        told, descriptors, _, _ = socket.recv_fds(self._end, LONGEST, 1)
        if not descriptors:
            raise OSError(told.decode(errors="replace") or "the bench is gone")
        return socket.socket(fileno=descriptors[0])


def hand_over(end: socket.socket, dial: Dial) -> None:
    """Answer every order at `end` with a new connection, or with why there is none, until the other end is closed."""
    with end, contextlib.suppress(OSError):
        while end.recv(1):
            try:
                with dial() as line:
                    socket.send_fds(end, [b"ok"], [line.fileno()])
            except OSError as error:
                end.sendall((error.strerror or str(error) or "no connection").encode(errors="replace")[:LONGEST])
