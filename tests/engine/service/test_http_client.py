"""One question over HTTP ends in an answer, or in one line that says what happened and what to do."""

from __future__ import annotations

import datetime
import email.utils
import functools
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from http_service import Reply, running

from gexbench.cards.endpoint import Endpoint
from gexbench.engine.service import http_client
from gexbench.engine.service.dial import connected
from gexbench.engine.service.http_client import Client
from gexbench.errors import EndpointError


class Asking:
    """A client of an address, what it paused for and how often it sent."""

    def __init__(self, url: str, headers: dict[str, str] | None = None, **endpoint: object) -> None:
        target = Endpoint(url=url).target
        made = Endpoint.model_validate({"url": url, "timeout": 5, **endpoint})
        self.sent, self.pauses = 0, list[float]()
        dial = functools.partial(connected, target.host, target.port)
        self.client = Client(made, headers or {}, dial, None, self._count)
        self.client.pause = self.pauses.append

    def _count(self) -> None:
        self.sent += 1

    def ask(self, body: bytes = b"?") -> bytes:
        return self.client.ask(body, "image/png")

    def refused(self, why: str) -> EndpointError:
        with pytest.raises(EndpointError, match=why) as error:
            self.ask()
        assert "\n" not in str(error.value)
        assert error.value.hint
        return error.value


def turn_by_turn(*replies: Reply) -> Callable[[bytes], Reply]:
    left = list(replies)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


def test_a_question_is_posted_and_its_answer_returned() -> None:
    with running(lambda body: Reply(body[::-1])) as service:
        assert Asking(service.url).ask(b"abc") == b"cba"
        assert service.headers["Content-Type"] == "image/png"
        assert service.headers["Connection"] == "close"


def test_what_another_try_may_change_is_tried_again_after_growing_pauses() -> None:
    down = Reply(b"", 503)
    with running(turn_by_turn(down, down, Reply(b"yes"))) as service:
        asking = Asking(service.url)
        assert asking.ask() == b"yes"
        assert (asking.sent, asking.pauses) == (3, [0.5, 1.0])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_server_that_is_busy_or_down_is_asked_again(status: int) -> None:
    with running(turn_by_turn(Reply(b"", status), Reply(b"yes"))) as service:
        assert Asking(service.url).ask() == b"yes"


def test_tries_are_counted_and_end() -> None:
    with running(lambda _: Reply(b"", 500)) as service:
        asking = Asking(service.url, tries=3)
        error = asking.refused("did not answer: 3 tries, the last: HTTP 500")
        assert asking.sent == len(service.bodies) == 3
        assert asking.pauses == [0.5, 1.0]  # none after the last
        assert "paid for once" in error.hint


@pytest.mark.parametrize("far", [7.0, 100.0])
def test_a_server_that_asks_for_time_is_given_it(far: float) -> None:
    with running(turn_by_turn(Reply(b"", 429, {"Retry-After": str(int(far))}), Reply(b"yes"))) as service:
        asking = Asking(service.url)
        assert asking.ask() == b"yes"
        assert asking.pauses == [far]


def test_it_may_ask_by_a_date() -> None:
    date = email.utils.formatdate(time.time() + 50, usegmt=True)
    with running(turn_by_turn(Reply(b"", 429, {"Retry-After": date}), Reply(b"yes"))) as service:
        asking = Asking(service.url)
        assert asking.ask() == b"yes"
        assert 40 < asking.pauses[0] <= 50


@pytest.mark.parametrize("text", ["soon", "-5", "1e3", "nan", "٣"])
def test_what_is_no_time_is_passed_over(text: str) -> None:
    header = {"Retry-After": text.encode().decode("latin-1")}
    with running(turn_by_turn(Reply(b"", 429, header), Reply(b"yes"))) as service:
        asking = Asking(service.url)
        assert asking.ask() == b"yes"
        assert asking.pauses == [0.5]


def test_one_that_wants_hours_ends_the_run_and_says_how_many() -> None:
    with running(lambda _: Reply(b"", 429, {"Retry-After": "7200"})) as service:
        asking = Asking(service.url)
        asking.refused("wants to be asked again in 7200 s")
        assert asking.pauses == []


def test_no_more_calls_leave_than_a_minute_may_have() -> None:
    with running(lambda _: Reply(b"yes")) as service:
        asking = Asking(service.url, per_minute=60)
        for _ in range(3):
            asking.ask()
        assert len(asking.pauses) == 2
        assert all(pause > 0 for pause in asking.pauses)
        assert asking.pauses[1] > 1.0 >= asking.pauses[0]  # nobody slept between


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with running() as other, running(lambda _: Reply(b"", status, {"Location": other.url})) as service:
        asking = Asking(service.url, {"Authorization": "Bearer s3cret"})
        error = asking.refused("sends on to http://127.0.0.1:.*, which is not followed")
        assert "if you trust it" in error.hint
        assert (len(service.bodies), len(other.bodies)) == (1, 0)


@pytest.mark.parametrize(("status", "way"), [(401, "headers"), (404, "path"), (413, "smaller"), (422, "takes")])
def test_what_no_other_try_changes_is_refused_at_once(status: int, way: str) -> None:
    with running(lambda _: Reply(b'{"error": "sides of 64"}', status, {"Content-Type": "application/json"})) as service:
        asking = Asking(service.url)
        error = asking.refused(f"refused a question: HTTP {status}, .*sides of 64")
        assert way in error.hint
        assert asking.sent == 1


def test_a_key_that_a_server_repeats_is_not_shown() -> None:
    def echo(_: bytes) -> Reply:
        return Reply(b"bad key: Bearer s3cret, that is s3cret", 401, {"Content-Type": "text/plain"})

    with running(echo) as service:
        error = Asking(service.url, {"Authorization": "Bearer s3cret"}).refused("HTTP 401")
        assert "s3cret" not in str(error)
        assert service.headers["Authorization"] == "Bearer s3cret"


def test_nobody_at_the_address_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    Asking(f"http://127.0.0.1:{port}/", tries=2).refused("did not answer: 2 tries, the last: Connection refused")


@contextmanager
def raw(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says what `speak` does; yields its address."""
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                line, _ = listening.accept()
            except OSError:
                return
            with line:
                line.recv(65536)
                try:
                    speak(line)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        done.set()
        listening.shutdown(socket.SHUT_RDWR)


def drip(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        line.sendall(b"x")
        time.sleep(0.05)


def drip_body(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        line.sendall(b"x")
        time.sleep(0.05)


def say_nothing(line: socket.socket) -> None:
    while line.recv(65536):  # the rest of the question, until the client hangs up
        pass


def go_on_for_ever(line: socket.socket) -> None:
    while True:
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


@pytest.mark.parametrize("speak", [drip, drip_body, say_nothing, go_on_for_ever])
def test_who_is_slow_in_whatever_way_is_cut_off_in_time(speak: Callable[[socket.socket], None]) -> None:
    with raw(speak) as url:
        Asking(url, timeout=0.4, tries=1).refused(r"1 try: no answer within 0\.4 s")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "broke off in the middle"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off|no HTTP"),
        (b"HTTP/1.1 999999 OK\r\n\r\n", "no HTTP"),
        (b"\x00\xff" * 100, "no HTTP"),
    ],
)
def test_what_is_no_answer_is_one_line_and_no_traceback(content: bytes, why: str) -> None:
    with raw(lambda line: line.sendall(content)) as url:
        Asking(url, tries=1).refused(why)


def test_more_than_an_image_can_be_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LARGEST", 1 << 20)
    read = []

    def pour(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            line.sendall(bytes(1 << 20))
            read.append(1)

    with raw(pour) as url:
        Asking(url).refused("more than 1 MiB")
    assert len(read) < 100


def test_what_comes_compressed_is_refused_unread() -> None:
    with running(lambda _: Reply(b"x", headers={"Content-Encoding": "gzip"})) as service:
        Asking(service.url).refused("answers compressed")


def certified(folder: Path) -> Path:
    """Write a key and a certificate of 127.0.0.1 that it signed itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(private + made.public_bytes(pem))
    return folder / "both.pem"


def test_an_encrypted_address_is_asked_where_its_certificate_is_trusted_and_nowhere_else(tmp_path: Path) -> None:
    file = certified(tmp_path)
    (tmp_path / "another").mkdir()
    with running(lambda body: Reply(body[::-1]), certificate=file) as service:
        dial = functools.partial(connected, "127.0.0.1", Endpoint(url=service.url).target.port)
        endpoint = Endpoint(url=service.url, tries=2, timeout=10)
        assert Client(endpoint, {}, dial, file, lambda: None).ask(b"abc", "image/png") == b"cba"
        stranger = Client(endpoint, {}, dial, certified(tmp_path / "another"), lambda: None)
        with pytest.raises(EndpointError, match="shows a certificate that is not trusted") as refused:
            stranger.ask(b"abc", "image/png")
        assert "SSL_CERT_FILE" in refused.value.hint
        other = Client(Endpoint(url=service.url.replace("127.0.0.1", "127.0.0.2")), {}, dial, file, lambda: None)
        with pytest.raises(EndpointError, match="shows a certificate that is not trusted"):
            other.ask(b"abc", "image/png")
        assert service.bodies == [b"abc"]


def test_who_stalls_under_encryption_is_cut_off_too(tmp_path: Path) -> None:
    with raw(say_nothing) as url:
        secure = Endpoint(url=url.replace("http:", "https:"), tries=1, timeout=0.4)
        dial = functools.partial(connected, "127.0.0.1", secure.target.port)
        with pytest.raises(EndpointError, match=r"no answer within 0\.4 s"):
            Client(secure, {}, dial, certified(tmp_path), lambda: None).ask(b"?", "image/png")
