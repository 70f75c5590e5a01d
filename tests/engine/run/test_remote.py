"""Service and attacker across a channel: what they may say, and what becomes of a run where they say something else.

No process is started: what it says lies in the channel before the bench asks.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from gexbench import errors
from gexbench.engine.run import remote
from gexbench.engine.run.remote import Confines, RemoteAttacker, RemoteService, oracle_ends
from gexbench.engine.run.sides import Journal
from gexbench.engine.sandbox.launch import Exit
from gexbench.engine.sandbox.rules import Rules
from gexbench.engine.service.process import _broken
from gexbench.engine.wire import frames
from gexbench.engine.wire.frames import Channel, Frame, encode, pair
from gexbench.engine.wire.messages import (
    AnswerUnmetered,
    Asked,
    Broken,
    Closed,
    CloseOracle,
    Extracted,
    Failed,
    Incident,
    Inferred,
    Message,
    OpenService,
    Progress,
    Ready,
    Save,
    Saved,
    StartAttack,
    Stop,
    Unmetered,
    receive,
    send,
)
from gexbench.errors import GexbenchError, RunFailed
from gexbench.record import Account

from ..toy_orders import open_service, start_attack

X = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
CLOSED = Closed(account=Account(budget=9, asked=3, answered=3, sessions=1))
ENDED = Exit(code=0, signal=None, killed=False, stragglers=0, survivors=0, peak_memory=77)


@dataclass
class Process:
    """What is known of a child: how it ends, at once or once it is killed."""

    end: Exit | None = ENDED
    killed: Exit | None = None
    kills: int = 0
    waits: int = 0

    def wait(self, timeout: float | None = None) -> Exit | None:
        self.waits += 1
        return self.killed if self.kills else self.end

    def kill(self) -> None:
        self.kills += 1


@dataclass
class Stage:
    """Both sides as the bench has them, the far ends of their channels, and what was noted."""

    service: RemoteService
    attacker: RemoteAttacker
    far_service: Channel
    far_attacker: Channel
    journal: Journal
    processes: tuple[Process, Process]
    told: list[tuple[str, int, int]] = field(default_factory=list)

    def says(self, *messages: Message) -> None:
        """Lay ready what the attacker's process says."""
        for message in messages:
            send(self.far_attacker, message)

    def serves(self, *messages: Message) -> None:
        """Lay ready what the service says."""
        for message in messages:
            send(self.far_service, message)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with ExitStack() as stack:
        ends = [*pair(), *pair(), *(oracle := oracle_ends()).__dict__.values()]
        for end in ends:
            stack.callback(end.close)
        processes = Process(), Process()
        spawned = [(processes[0], ends[0]), (processes[1], ends[2])]
        monkeypatch.setattr(remote, "_spawn", lambda *_: spawned.pop(0))
        told: list[tuple[str, int, int]] = []
        journal = Journal(lambda what, done, total: told.append((what, done, total)))
        where = Confines(tmp_path, tmp_path / "log.txt", Rules())
        service = RemoteService(open_service(tmp_path), where, oracle.service, journal)
        attacker = RemoteAttacker(start_attack(tmp_path), where, oracle.attacker, service, journal)
        yield Stage(service, attacker, ends[1], ends[3], journal, processes, told)


def test_the_attacker_is_told_and_asked_in_the_order_of_the_protocol(stage: Stage, tmp_path: Path) -> None:
    stage.says(Ready(), Progress(what="training", done=1, total=2), Extracted(report={"z": 1}))
    answer = torch.ones(1, 3, 8, 8)
    stage.says(Saved(answer=answer, incidents=("tried to read /secret",)))
    stage.attacker.wait_ready()
    stage.attacker.extract()
    saved = stage.attacker.save(tmp_path)
    assert saved is not None
    assert torch.equal(saved, answer)
    stage.attacker.stop()
    assert (stage.journal.report, stage.told) == ({"z": 1}, [("training", 1, 2)])
    assert stage.journal.incidents == ["tried to read /secret"]
    heard = [receive(stage.far_attacker, StartAttack, Save, Stop) for _ in range(3)]
    assert [message.op for message in heard if message] == ["start", "save", "stop"]


def test_the_service_is_told_and_asked_in_the_order_of_the_protocol(stage: Stage) -> None:
    stage.serves(Ready(), CLOSED, Unmetered(plain=X))
    stage.service.wait_ready()
    assert stage.service.close() == CLOSED
    assert torch.equal(stage.service.unmetered(AnswerUnmetered(x=X)).plain, X)
    stage.service.stop()
    heard = [receive(stage.far_service, OpenService, CloseOracle, AnswerUnmetered, Stop) for _ in range(4)]
    assert [message.op for message in heard if message] == ["open", "close", "answer-unmetered", "stop"]


def other_protocol() -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "PROTOCOL", 7)
        return encode(Extracted().frame())


WRONG: dict[str, tuple[bytes, str]] = {
    "out of turn": (encode(Inferred(y=X).frame()), "'inferred' where 'extracted' or 'progress' or 'failed' was due"),
    "the service's": (encode(CLOSED.frame()), "'closed' where 'extracted' or 'progress' or 'failed' was due"),
    "unknown": (encode(Frame("burn")), "'burn' where 'extracted' or 'progress' or 'failed' was due"),
    "malformed": (encode(Frame("progress", {"what": "x"})), "'progress' is malformed: done: Field required"),
    "another protocol": (other_protocol(), "a frame of protocol 7, and this gexbench speaks protocol 1"),
    "garbage": (b"\xff" * 64, "a frame of 18446744073709551615 bytes (at most 1048576)"),
    "no frame": (b"\x02" + bytes(9), "not a frame: "),
}


@pytest.mark.parametrize(("said", "told"), WRONG.values(), ids=WRONG)
def test_an_attack_that_says_what_is_not_due_ends_the_run_with_the_reason(stage: Stage, said: bytes, told: str) -> None:
    stage.far_attacker.end.sendall(said)
    with pytest.raises(RunFailed) as failed:
        stage.attacker.extract()
    assert str(failed.value).startswith(f"the attack's process sent something else than a frame it may send: {told}")


@pytest.mark.parametrize(
    ("ask", "due"),
    [
        (lambda attacker: attacker.wait_ready(), "ready"),
        (lambda attacker: attacker.save(Path("kept")), "saved"),
    ],
    ids=["ready", "saved"],
)
def test_a_second_surrogate_is_never_due(stage: Stage, ask: Callable[[RemoteAttacker], object], due: str) -> None:
    stage.says(Extracted())
    with pytest.raises(RunFailed, match=f"'extracted' where '{due}' or 'progress' or 'failed' was due"):
        ask(stage.attacker)


@pytest.mark.parametrize(
    "ask", [lambda attacker: attacker.extract(), lambda attacker: attacker.save(Path("kept"))], ids=["extract", "save"]
)
def test_an_attack_that_failed_ends_the_run_with_its_reason_and_what_it_tried(
    stage: Stage, ask: Callable[[RemoteAttacker], object]
) -> None:
    stage.says(Failed(reason="raised ValueError: no", incidents=("tried to read /secret",)))
    with pytest.raises(RunFailed, match=r"(?m)^the attack raised ValueError: no$"):
        ask(stage.attacker)
    assert stage.journal.incidents == ["tried to read /secret"]


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (ENDED, "its process exited with code 0"),
        (Exit(None, 11, False, 0, 0, 0), "its process was ended by signal 11"),
        (None, "its process went away"),
    ],
)
def test_an_attacks_process_that_is_gone_ends_the_run_with_how_it_ended(
    stage: Stage, end: Exit | None, how: str
) -> None:
    stage.processes[1].end = end
    stage.far_attacker.close()
    with pytest.raises(RunFailed, match=f"ended early: {how} before it had handed back a surrogate") as failed:
        stage.attacker.extract()
    assert failed.value.hint.endswith("log.txt")


def test_what_the_service_says_while_an_attack_runs_is_noted(stage: Stage) -> None:
    stage.serves(Asked(spent=3), Incident(text="the oracle's socket carried no frame"))
    step = Progress(what="training", done=1, total=2)
    stage.says(step, step, Extracted())  # each side is heard once in turn
    stage.attacker.extract()
    assert stage.told == [("asking the victim", 3, 512), ("training", 1, 2), ("training", 1, 2)]
    assert stage.journal.incidents == ["the oracle's socket carried no frame"]


def test_a_service_that_breaks_while_an_attack_runs_ends_the_run_with_its_reason(stage: Stage) -> None:
    stage.serves(Broken(kind="RunFailed", message="the defense 'a/b' raised", hint="correct it"))
    with pytest.raises(RunFailed, match=r"(?m)^the defense 'a/b' raised$") as failed:
        stage.attacker.extract()
    assert failed.value.hint == "correct it"


def test_what_the_service_says_before_its_answer_is_noted(stage: Stage) -> None:
    stage.serves(Asked(spent=4), Incident(text="something"), CLOSED)
    assert stage.service.close() == CLOSED
    assert stage.told == [("asking the victim", 4, 512)]
    assert stage.journal.incidents == ["something"]


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GexbenchError)]


@pytest.mark.parametrize("kind", ERRORS)
def test_what_a_service_raises_is_raised_by_the_bench_with_its_class_and_hint(
    stage: Stage, kind: type[GexbenchError]
) -> None:
    stage.serves(_broken(kind("it is\nmissing", "fetch it")))
    with pytest.raises(GexbenchError) as raised:
        stage.service.wait_ready()
    assert type(raised.value) is kind
    assert (str(raised.value), raised.value.hint) == ("it is\nmissing", "fetch it")
    assert raised.value.exit_code == kind.exit_code


@pytest.mark.parametrize("kind", ["NoSuchError", "nearest", "difflib", "Iterable", "__name__", "", "OSError"])
def test_an_unknown_kind_of_error_is_gexbenchs_plainest(stage: Stage, kind: str) -> None:
    stage.serves(Broken(kind=kind, message="something", hint="try"))
    with pytest.raises(GexbenchError, match=r"(?m)^something$") as raised:
        stage.service.close()
    assert (type(raised.value), raised.value.hint) == (GexbenchError, "try")


def test_a_service_that_broke_and_went_says_why_though_it_hears_no_more(stage: Stage) -> None:
    stage.serves(Broken(kind="AssetMissing", message="no weights", hint=""))
    stage.far_service.close()
    with pytest.raises(errors.AssetMissing, match="no weights"):
        stage.service.close()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "the service process ended unexpectedly"),
        (encode(Extracted().frame()), "the service process broke off: 'extracted' where 'closed' or 'asked' or"),
        (b"\xff" * 64, "the service process broke off: a frame of"),
        (encode(CLOSED.frame())[:-3], "the service process broke off: the other side went away in the middle"),
    ],
    ids=["gone", "out of turn", "garbage", "cut off"],
)
def test_a_service_that_says_something_else_is_an_error_with_its_log(stage: Stage, said: bytes, told: str) -> None:
    stage.far_service.end.sendall(said)
    stage.far_service.end.shutdown(socket.SHUT_WR)
    with pytest.raises(GexbenchError) as raised:
        stage.service.close()
    assert str(raised.value).startswith(told)
    assert raised.value.hint.startswith("see /")
    assert raised.value.hint.endswith("log.txt")


def test_stopping_notes_memory_and_what_was_left_behind_once(stage: Stage) -> None:
    stage.processes[1].end = Exit(0, None, False, stragglers=2, survivors=0, peak_memory=99)
    stage.attacker.stop()
    stage.attacker.stop()
    stage.service.stop()
    assert stage.journal.peak_memory == {"attacker": 99, "service": 77}
    assert stage.journal.incidents == ["left 2 process(es) behind, killed"]
    assert [(process.kills, process.waits) for process in stage.processes] == [(0, 1), (0, 1)]


def test_a_process_that_does_not_stop_is_killed(stage: Stage) -> None:
    stage.processes[1].end, stage.processes[1].killed = None, Exit(None, 9, True, 0, 0, peak_memory=5)
    stage.attacker.stop()
    assert (stage.processes[1].kills, stage.journal.peak_memory["attacker"]) == (1, 5)


def test_a_process_that_is_gone_can_still_be_stopped(stage: Stage) -> None:
    stage.far_attacker.close()
    stage.attacker.stop()
    assert stage.journal.peak_memory["attacker"] == 77
