"""A service that may open no socket gets connections from the bench, and to one place alone."""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gexbench.engine.service.dial import FarDial, connected, hand_over


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@contextmanager
def far(port: int) -> Iterator[FarDial]:
    ours, theirs = socket.socketpair()
    dial = functools.partial(connected, "127.0.0.1", port)
    thread = threading.Thread(target=hand_over, args=(ours, dial), daemon=True)
    thread.start()
    with theirs:
        yield FarDial(theirs)
    thread.join(10)


def test_a_connection_comes_over_a_channel_as_often_as_it_is_asked_for(server: socket.socket) -> None:
    with far(server.getsockname()[1]) as dial:
        for word in (b"one", b"two"):
            with dial() as line:
                accepted, _ = server.accept()
                with accepted:
                    line.sendall(word)
                    assert accepted.recv(10) == word


def test_the_bench_keeps_no_connection_that_it_handed_over(server: socket.socket) -> None:
    with far(server.getsockname()[1]) as dial:
        line = dial()
        accepted, _ = server.accept()
        with accepted:
            line.close()
            assert accepted.recv(1) == b""


def test_why_there_is_none_comes_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = listening.getsockname()[1]
    with far(free) as dial:
        for _ in range(2):
            with pytest.raises(OSError, match="Connection refused"):
                dial()


def test_an_order_says_nothing_of_where_to(server: socket.socket) -> None:
    ours, theirs = socket.socketpair()
    dial = functools.partial(connected, "127.0.0.1", server.getsockname()[1])
    threading.Thread(target=hand_over, args=(ours, dial), daemon=True).start()
    theirs.sendall(b"x")
    _, (descriptor,), _, _ = socket.recv_fds(theirs, 100, 1)
    with theirs, socket.socket(fileno=descriptor) as line:
        assert line.getpeername() == server.getsockname()
        server.accept()[0].close()


def test_who_closes_the_channel_ends_the_thread(server: socket.socket) -> None:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=hand_over, args=(ours, functools.partial(connected, "127.0.0.1", 1)))
    thread.start()
    theirs.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_bench_that_does_not_answer_is_waited_for_no_longer_than_two_tries_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gexbench.engine.service.dial.CONNECTED_WITHIN", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(TimeoutError):
            FarDial(theirs)()
        assert theirs.gettimeout() == 0.1
