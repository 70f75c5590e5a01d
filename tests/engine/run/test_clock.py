"""What counts against an attack's deadline: extraction, and nothing that comes before or after it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from gexbench.engine.run import clock, remote
from gexbench.engine.run.clock import Clock, evidence_clock
from gexbench.engine.run.remote import RemoteAttacker
from gexbench.engine.run.sides import Journal
from gexbench.engine.wire.frames import Channel, Frame, pair
from gexbench.engine.wire.messages import Extracted, Inferred, Ready, send
from gexbench.errors import RunFailed

DEADLINE = 2.0
Play = Callable[[Channel], None]
Make = Callable[[Play], RemoteAttacker]


@pytest.fixture
def attacker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return a maker of attackers whose process is a thread that plays its part."""
    with contextlib.ExitStack() as stack:

        def channels() -> tuple[Channel, Channel]:
            ends = pair()
            for end in ends:
                stack.callback(end.close)
            return ends

        def make(play: Play) -> RemoteAttacker:
            (ours, theirs), (service, oracle) = channels(), channels()
            monkeypatch.setattr(remote, "_spawn", lambda *_: (SimpleNamespace(), ours))
            thread = threading.Thread(target=play, args=(theirs,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(ours.close)  # first, so that a thread that still listens ends
            start: Any = SimpleNamespace(deadline=DEADLINE, frame=lambda: Frame("start"))
            place: Any = SimpleNamespace(log=Path("log.txt"))
            return RemoteAttacker(
                start,
                place,
                oracle,
                cast(Any, SimpleNamespace(control=service)),
                Journal(lambda what, done, total: None),
            )

        yield make


def slow_around_the_attack(channel: Channel) -> None:
    time.sleep(1.25 * DEADLINE)
    send(channel, Ready())
    channel.receive()
    send(channel, Extracted())
    channel.receive()
    time.sleep(1.25 * DEADLINE)
    send(channel, Inferred(y=torch.zeros(1)))


def hangs(channel: Channel) -> None:
    send(channel, Ready())
    channel.receive()


def hangs_when_it_is_asked(channel: Channel) -> None:
    hangs(channel)
    send(channel, Extracted())


def test_an_attack_is_not_charged_for_a_slow_start_or_slow_evidence(attacker: Make) -> None:
    it = attacker(slow_around_the_attack)
    it.wait_ready()
    time.sleep(1.25 * DEADLINE)  # the service may need longer than the attack's process
    it.extract()
    assert it.infer(torch.zeros(1)).shape == (1,)


def test_extraction_is_ended_at_the_deadline(attacker: Make) -> None:
    it = attacker(hangs)
    it.wait_ready()
    with pytest.raises(RunFailed, match="still running after 2 s, its deadline"):
        it.extract()


def test_a_surrogate_that_never_answers_is_ended_too(attacker: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "AT_LEAST", 0.0)
    it = attacker(hangs_when_it_is_asked)
    it.wait_ready()
    it.extract()
    with pytest.raises(RunFailed, match="had not answered all test images and been saved after 2 s"):
        it.infer(torch.zeros(1))


def test_the_limit_for_evidence_is_at_least_the_deadline_again() -> None:
    assert [evidence_clock(deadline).seconds for deadline in (1.0, 600.0, 172800.0)] == [300.0, 600.0, 172800.0]


def test_a_clock_stands_still_outside_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: now[0]))
    limit = Clock(0.75, "over")
    with limit:
        now[0] += 0.5
    now[0] += 50.0
    with limit:
        assert limit.wait() == 0.25
        now[0] += 0.25
        with pytest.raises(RunFailed, match="over"):
            limit.wait()
