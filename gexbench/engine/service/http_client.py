"""One question over HTTP: sent, waited for, tried again, bounded in time and bytes; no library's exception leaves."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gexbench.cards.endpoint import Endpoint
from gexbench.engine.service.dial import Dial
from gexbench.errors import EndpointError
from gexbench.foreign_text import shown

LARGEST = 64 << 20
"""Bytes of one answer."""
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What a server answers that another try may change."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
PATIENT = 600.0
"""Seconds that a server may ask to wait; for longer, somebody should start again later."""
RESUME = "the same command goes on from there; what was answered is paid for once"
WAYS = {
    401: "give the key: [endpoint] headers on a card",
    403: "give the key: [endpoint] headers on a card",
    404: "correct the path of the address",
    405: "the address has to take POST",
    413: "ask with smaller images",
}


class Unanswered(Exception):
    """A try that got no answer; the message says what happened instead."""


@dataclass(frozen=True)
class Reply:
    """What a server answered; asked_for: seconds that it wants to be left alone, if it says so."""

    status: int
    kind: str
    place: str
    asked_for: float | None
    content: bytes


class Client:
    """Ask one endpoint, one question at a time, each over a connection of its own.

    headers: with their values. authorities: whom TLS trusts. sent: called before each try. Raises EndpointError, in one
    line, for all that is no answer.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        headers: Mapping[str, str],
        dial: Dial,
        authorities: Path | None,
        sent: Callable[[], None],
    ) -> None:
        self._endpoint, self._headers, self._dial, self._sent = endpoint, dict(headers), dial, sent
        self._context = ssl.create_default_context(cafile=authorities) if endpoint.target.tls else None
        self._next = -math.inf
        self.pause: Callable[[float], None] = time.sleep

    def ask(self, body: bytes, kind: str) -> bytes:
        """Return the content of the answer to a POST; kind: of the body."""
        told = ""
        for tried in range(self._endpoint.tries):
            self._keep_pace()
            self._sent()
            wait = min(FIRST_PAUSE * 2**tried, LONGEST_PAUSE)
            try:
                reply = self._once(body, kind)
            except Unanswered as silent:
                told = str(silent)
            else:
                if reply.status == http.client.OK:
                    return reply.content
                told = f"HTTP {reply.status}{self._said(reply)}"
                if reply.status not in AGAIN:
                    raise self._refused(reply, told)
                wait = max(wait, self._patience(reply))
            if tried + 1 < self._endpoint.tries:
                self.pause(wait)
        tries = "1 try" if self._endpoint.tries == 1 else f"{self._endpoint.tries} tries, the last"
        raise EndpointError(f"{self._endpoint.url} did not answer: {tries}: {told}", f"see whether it is up; {RESUME}")

    def _keep_pace(self) -> None:
        if self._endpoint.per_minute is None:
            return
        now = time.monotonic()
        if now < self._next:
            self.pause(self._next - now)
        self._next = max(now, self._next) + 60.0 / self._endpoint.per_minute

    def _patience(self, reply: Reply) -> float:
        wait = reply.asked_for or 0.0
        if wait > PATIENT:
            told = f"{self._endpoint.url} wants to be asked again in {wait:.0f} s (HTTP {reply.status}, Retry-After)"
            raise EndpointError(told, f"wait as long; {RESUME}")
        return wait

    def _refused(self, reply: Reply, told: str) -> EndpointError:
        if 300 <= reply.status < 400:
            told = f"sends on to {shown(reply.place, 200) or 'nowhere'} (HTTP {reply.status}), which is not followed"
            return EndpointError(f"{self._endpoint.url} {told}", "give that address itself, if you trust it")
        way = WAYS.get(reply.status, f"see what it takes; {RESUME}")
        return EndpointError(f"{self._endpoint.url} refused a question: {told}", way)

    def _said(self, reply: Reply) -> str:
        """Return the beginning of a text that came with a refusal, less the values of our headers."""
        if not reply.kind.startswith(("text/plain", "application/json")):
            return ""
        text = reply.content[:2000].decode("utf-8", "replace")
        for value in self._headers.values():
            for part in (value, *value.split()):
                text = text.replace(part, "…")
        return f", {shown(text, 120)}" if text.strip() else ""

    def _once(self, body: bytes, kind: str) -> Reply:
        """Send a question and return what came back; raises Unanswered."""
        seconds = self._endpoint.timeout
        try:
            with self._connected(seconds) as line:
                line.request("POST", self._endpoint.target.path, body, self._head(kind))
                with line.getresponse() as response:
                    content = response.read(LARGEST + 1)
        except ssl.SSLCertVerificationError as error:
            told = f"{self._endpoint.url} shows a certificate that is not trusted: {shown(error.verify_message, 200)}"
            raise EndpointError(told, "name a file of certificates to trust: SSL_CERT_FILE") from None
        except TimeoutError:
            raise Unanswered(f"no answer within {seconds:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered(_words(error)) from None
        if len(content) > LARGEST:
            told = f"{self._endpoint.url} answered with more than {LARGEST >> 20} MiB"
            raise EndpointError(told, "let it answer with one PNG")
        if response.length:  # of a body that was announced and did not come
            raise Unanswered("it broke off in the middle of an answer")
        if (response.getheader("Content-Encoding") or "identity") != "identity":
            raise EndpointError(
                f"{self._endpoint.url} answers compressed, which it was not asked to", "switch that off"
            )
        head = {name: response.getheader(name) or "" for name in ("Content-Type", "Location", "Retry-After")}
        kind = head["Content-Type"].lower()
        return Reply(response.status, kind, head["Location"], _seconds(head["Retry-After"]), content)

    def _head(self, kind: str) -> dict[str, str]:
        ours = {
            "Content-Type": kind,
            "Accept": f"{kind}, image/png",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        return {"User-Agent": "gexbench", **ours, **self._headers}

    @contextlib.contextmanager
    def _connected(self, seconds: float) -> Iterator[http.client.HTTPConnection]:
        """Open a connection that is cut off after so many seconds, whatever the other side does; then TimeoutError."""
        target, late = self._endpoint.target, threading.Event()
        until = time.monotonic() + seconds
        with self._dial() as plain:
            plain.settimeout(seconds)

            def cut() -> None:
                late.set()
                with contextlib.suppress(OSError):
                    plain.shutdown(socket.SHUT_RDWR)

            watch = threading.Timer(max(0.0, until - time.monotonic()), cut)
            watch.daemon = True
            watch.start()
            line = http.client.HTTPConnection(target.host, target.port)
            line.default_port = 443 if target.tls else 80
            try:
                line.sock = plain if self._context is None else self._wrapped(plain)
                yield line
            except (OSError, http.client.HTTPException, ValueError):
                if late.is_set():
                    raise TimeoutError from None
                raise
            finally:
                watch.cancel()
                line.close()
        if late.is_set():
            raise TimeoutError

    def _wrapped(self, plain: socket.socket) -> socket.socket:
        assert self._context is not None
        duplicate = plain.dup()  # the watch keeps the other, whose end ends both
        duplicate.settimeout(plain.gettimeout())
        return self._context.wrap_socket(duplicate, server_hostname=self._endpoint.target.host)


def _words(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "it broke off in the middle of an answer"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    if isinstance(error, http.client.HTTPException | ValueError):
        return f"what it says is no HTTP ({type(error).__name__})"
    return shown(getattr(error, "strerror", None) or str(error) or type(error).__name__, 200)


def _seconds(text: str) -> float | None:
    """Return what Retry-After says, a number of seconds or a date, in seconds from now; None for neither."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return None
