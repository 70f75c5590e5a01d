"""What counts against an attack's deadline: extraction, and nothing that comes before or after it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gexbench.engine.run import clock, remote
from gexbench.engine.run.clock import Clock, Timesheet, evidence_seconds
from gexbench.engine.run.remote import RemoteAttacker
from gexbench.engine.run.remote_surrogate import RemoteSurrogate
from gexbench.engine.run.sides import Journal
from gexbench.engine.wire.frames import BrokenFrame, Channel, Frame, encode, pair
from gexbench.engine.wire.messages import Built, Extracted, Inferred, Message, Ready, Saved, send
from gexbench.errors import OutputError, RunFailed

from ..processes import HANG
from ..toy_orders import quiet

DEADLINE, EVIDENCE = 2.0, 3.0
Play = Callable[[Channel, Callable[[float], None]], None]
Make = Callable[..., Any]


class Hours:
    """A clock that stands still but where a test says that time passes."""

    def __init__(self) -> None:
        self.now = 100.0
        self._lock, self._seen = threading.Lock(), threading.Event()

    def monotonic(self) -> float:
        with self._lock:
            self._seen.set()
            return self.now

    def pass_in_sight(self, seconds: float) -> None:
        """Let time pass between two looks that the bench, in another thread, takes at the clock."""
        for step in (0.0, seconds):
            with self._lock:
                self.now += step
                self._seen.clear()
            assert self._seen.wait(HANG)


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    """Return the clock that all limits go by."""
    still = Hours()
    monkeypatch.setattr(clock, "time", still)
    return still


@pytest.fixture
def attacker(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return a maker of attackers whose process is a thread that plays its part."""
    monkeypatch.setattr(clock, "LOOK_AGAIN", 0.01)
    yield from makers(hours, monkeypatch, RemoteAttacker)


@pytest.fixture
def surrogate(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return a maker of surrogates whose process is a thread that plays its part."""
    monkeypatch.setattr(clock, "LOOK_AGAIN", 0.01)
    yield from makers(hours, monkeypatch, RemoteSurrogate)


def acted(play: Play, channel: Channel, hours: Hours) -> None:
    """Act until the play is over, or nobody listens any more."""
    with contextlib.suppress(BrokenFrame):
        play(channel, hours.pass_in_sight)


def makers(hours: Hours, monkeypatch: pytest.MonkeyPatch, kind: type) -> Iterator[Make]:
    with contextlib.ExitStack() as stack:

        def channels() -> tuple[Channel, Channel]:
            ends = pair()
            for end in ends:
                stack.callback(end.close)
            return ends

        def make(play: Play, sheet: Timesheet | None = None) -> Any:
            (ours, theirs), (service, oracle) = channels(), channels()
            monkeypatch.setattr(remote, "_spawn", lambda *_: (SimpleNamespace(), ours))
            thread = threading.Thread(target=acted, args=(play, theirs, hours))
            thread.start()
            stack.callback(thread.join)
            stack.callback(ours.close)  # first, so that a thread that still listens ends
            start: Any = SimpleNamespace(side=None, scale=1, frame=lambda: Frame("start"))
            place: Any = SimpleNamespace(log=Path("log.txt"), folder=Path("no such folder"))
            both = (oracle, SimpleNamespace(control=service)) if kind is RemoteAttacker else ()
            return kind(start, place, *both, Journal(quiet, sheet or Timesheet(DEADLINE, EVIDENCE)))

        yield make


def slow_around_the_attack(channel: Channel, passes: Callable[[float], None]) -> None:
    passes(1.25 * DEADLINE)
    send(channel, Ready())
    channel.receive()
    passes(0.75 * DEADLINE)
    send(channel, Extracted())
    channel.receive()
    passes(0.2 * DEADLINE)
    send(channel, Saved())


def slow_at_its_evidence(channel: Channel, passes: Callable[[float], None]) -> None:
    passes(1.25 * EVIDENCE)
    send(channel, Ready())
    channel.receive()
    passes(0.4 * EVIDENCE)
    send(channel, Built())
    for _ in range(2):
        channel.receive()
        passes(0.4 * EVIDENCE)
        send(channel, Inferred(y=torch.zeros(1)))


def hangs(channel: Channel, passes: Callable[[float], None]) -> None:
    send(channel, Ready())
    channel.receive()
    passes(1000 * EVIDENCE)


def hangs_when_it_is_asked(channel: Channel, passes: Callable[[float], None]) -> None:
    send(channel, Ready())
    channel.receive()
    send(channel, Built())
    channel.receive()
    passes(1000 * EVIDENCE)


def test_an_attack_is_not_charged_for_a_slow_start(attacker: Make, hours: Hours) -> None:
    it = attacker(slow_around_the_attack)
    it.wait_ready()
    hours.now += 1.25 * DEADLINE  # the service may need longer than the attack's process
    it.extract()
    assert it.save(Path("kept")) is None


def test_building_and_answering_share_one_limit_in_which_the_start_does_not_count(surrogate: Make) -> None:
    it = surrogate(slow_at_its_evidence)
    it.build()
    assert it.infer(torch.zeros(1)).shape == (1,)
    with pytest.raises(RunFailed, match="had not been built anew and answered all test images after 3 s"):
        it.infer(torch.zeros(1))


def test_saving_counts_as_extraction(attacker: Make) -> None:
    def saves_for_long(channel: Channel, passes: Callable[[float], None]) -> None:
        takes(0.75 * DEADLINE)(channel, passes)
        channel.receive()
        passes(0.5 * DEADLINE)

    it = attacker(saves_for_long)
    it.wait_ready()
    it.extract()
    with pytest.raises(RunFailed, match="still running after 2 s, its deadline"):
        it.save(Path("kept"))


def test_extraction_is_ended_at_the_deadline(attacker: Make) -> None:
    it = attacker(hangs)
    it.wait_ready()
    with pytest.raises(RunFailed, match="still running after 2 s, its deadline"):
        it.extract()


@pytest.mark.parametrize("play", [hangs, hangs_when_it_is_asked], ids=["built", "asked"])
def test_a_surrogate_that_hangs_is_ended(surrogate: Make, play: Play) -> None:
    it = surrogate(play)
    with pytest.raises(RunFailed, match="had not been built anew and answered all test images after 3 s"):  # noqa: PT012
        it.build()
        it.infer(torch.zeros(1))


def drips(message: Message, before: tuple[Message, ...] = ()) -> Play:
    """Say what is due, but nine bytes at a time with a pause before each."""

    def play(channel: Channel, passes: Callable[[float], None]) -> None:
        for said in before:
            send(channel, said)
            channel.receive()
        told = encode(message.frame())
        for start in (0, 9):
            channel.end.sendall(told[start : start + 9])
            passes(0.9 * DEADLINE)

    return play


def test_a_frame_sent_nine_bytes_at_a_time_wins_no_time(attacker: Make) -> None:
    it = attacker(drips(Extracted(), (Ready(),)))
    it.wait_ready()
    with pytest.raises(RunFailed, match="still running after 2 s, its deadline"):
        it.extract()
    assert it._journal.report == {}


def test_an_answer_sent_nine_bytes_at_a_time_wins_no_time(surrogate: Make) -> None:
    it = surrogate(drips(Inferred(y=torch.zeros(1)), (Ready(), Built())))
    it.build()
    with pytest.raises(RunFailed, match="answered all test images"):
        it.infer(torch.zeros(1))


def test_a_surrogate_that_does_not_read_what_it_is_asked_is_ended(surrogate: Make) -> None:
    def reads_no_more(channel: Channel, passes: Callable[[float], None]) -> None:
        send(channel, Ready())
        channel.receive()
        send(channel, Built())
        channel.end.recv(1, socket.MSG_PEEK)  # it is being asked
        passes(1000 * EVIDENCE)

    it = surrogate(reads_no_more)
    it.build()
    with pytest.raises(RunFailed, match="answered all test images"):
        it.infer(torch.zeros(1 << 22))


def takes(seconds: float) -> Play:
    """Take so long to extract."""

    def play(channel: Channel, passes: Callable[[float], None]) -> None:
        send(channel, Ready())
        channel.receive()
        passes(seconds)
        send(channel, Extracted())

    return play


def test_attempts_in_one_folder_share_one_deadline(attacker: Make, tmp_path: Path) -> None:
    file = tmp_path / "timesheet.json"
    for _ in range(2):
        it = attacker(takes(0.45 * DEADLINE), Timesheet(DEADLINE, EVIDENCE, file))
        it.wait_ready()
        it.extract()
    it = attacker(hangs, Timesheet(DEADLINE, EVIDENCE, file))
    it.wait_ready()
    with pytest.raises(RunFailed, match="after 2 s, its deadline; earlier attempts had used 2 s of them"):
        it.extract()
    with pytest.raises(RunFailed, match=r"nothing is left of the 2 s for extraction: .* with --out"):
        Timesheet(DEADLINE, EVIDENCE, file).extraction()


def test_what_was_used_is_on_disk_before_an_attempt_ends(hours: Hours, tmp_path: Path) -> None:
    sheet = Timesheet(100.0, 100.0, tmp_path / "timesheet.json")
    with sheet.extraction() as left:
        for _ in range(3):
            hours.now += clock.KEPT_EVERY
            left.wait()
        assert Timesheet(100.0, 100.0, sheet.file).used["extraction"] == 4 * clock.KEPT_EVERY  # one of them ahead
    sheet.settle()
    assert Timesheet(100.0, 100.0, sheet.file).used["extraction"] == 3 * clock.KEPT_EVERY


@pytest.mark.parametrize("content", ["", "[]", "{", '{"extraction": -1}', '{"extraction": NaN}', '{"evidence": "x"}'])
def test_a_timesheet_that_says_nothing_sensible_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "timesheet.json").write_text(content)
    with pytest.raises(OutputError, match="does not say what time was used"):
        Timesheet(1.0, 1.0, tmp_path / "timesheet.json")


def test_the_limit_for_evidence_is_the_cards_or_at_least_the_deadline_again() -> None:
    assert [evidence_seconds(deadline, None) for deadline in (1.0, 600.0, 172800.0)] == [300.0, 600.0, 172800.0]
    assert evidence_seconds(600.0, 20.0) == 20.0


def test_a_clock_stands_still_outside_its_blocks(hours: Hours) -> None:
    limit = Clock(0.75, RunFailed("over"))
    with limit:
        hours.now += 0.5
    hours.now += 50.0
    with limit:
        assert limit.wait() == 0.25
        hours.now += 0.25
        with pytest.raises(RunFailed, match="over"):
            limit.wait()
