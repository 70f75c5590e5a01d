"""What a child claims about a plug-in is heard as far as it goes, and the place in the plug-in's code is found."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gexbench.cards.roots import packaged_root
from gexbench.engine.checks import inspect as module
from gexbench.engine.checks.inspect import code_folder, culprit, inspect
from gexbench.engine.sandbox.launch import Job
from gexbench.engine.sandbox.rules import Rules
from gexbench.engine.wire.frames import Channel
from gexbench.engine.wire.inspecting import Claim, Ended, Inspect
from gexbench.engine.wire.messages import Message, Ready, receive, send

from ..toy_orders import HANG

FINE = Claim(what="imports", right=True, detail="a:It imports")
WRONG = Claim(what="shape and range", right=False, detail="guard_output returned nothing")
Inspected = Callable[..., list[Claim]]


def order(code: Path | None, entry: str = "a:It") -> Inspect:
    return Inspect(role="defense", kind="image-to-image", entry=entry, code=code, options={}, scale=4)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that were launched."""
    return []


@pytest.fixture
def inspected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: list[Job]) -> Iterator[Inspected]:
    """Return what inspects a plug-in whose child says what a test lets it say, and then is gone."""
    with contextlib.ExitStack() as stack:

        def inspect_it(*says: Message | bytes, log: str = "", stays: bool = False) -> list[Claim]:
            def launch(job: Job) -> contextlib.AbstractContextManager[None]:
                jobs.append(job)
                child = Channel(socket.fromfd(job.fds[0], socket.AF_UNIX, socket.SOCK_STREAM))
                stack.callback(child.close)
                for each in says:
                    child.end.sendall(each) if isinstance(each, bytes) else send(child, each)
                if not stays:
                    child.end.shutdown(socket.SHUT_WR)
                job.log.write_text(log)
                return contextlib.nullcontext()

            (tmp_path / "folder").mkdir(exist_ok=True)
            monkeypatch.setattr(module, "launch", launch)
            return inspect(order(tmp_path / "code"), tmp_path / "folder")

        yield inspect_it


def test_claims_are_heard_until_the_child_has_ended(inspected: Inspected) -> None:
    second = FINE.model_copy(update={"what": "same answer"})
    assert inspected(FINE, second, Ended(), WRONG) == [FINE, second]


def test_nothing_is_heard_after_the_first_that_is_wrong(inspected: Inspected) -> None:
    assert inspected(FINE, WRONG, FINE, Ended()) == [FINE, WRONG]


def test_a_child_that_claims_without_end_is_not_heard_for_ever(inspected: Inspected) -> None:
    assert inspected(*[FINE] * 50) == [FINE] * module.MOST


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([], "its process went away"),
        ([b"\xff" * 64], "its process sent something else than a frame it may send: a frame of "),
        ([Ready()], "its process sent something else than a frame it may send: 'ready' where 'claim' or 'ended' was"),
    ],
    ids=["nothing", "garbage", "out of turn"],
)
def test_a_child_that_says_what_it_may_not_is_wrong(
    inspected: Inspected, said: list[Message | bytes], told: str
) -> None:
    *before, last = inspected(FINE, *said)
    assert before == [FINE]
    assert (last.what, last.right) == ("imports", False)
    assert last.detail.startswith(told)


def test_a_child_that_says_nothing_in_time_is_wrong(inspected: Inspected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITHIN", 0.0)
    (claim,) = inspected(stays=True)
    assert (claim.right, claim.detail) == (False, "nothing came of it within 0 s")


def test_the_child_reads_the_plug_ins_code_and_nothing_that_is_private(
    inspected: Inspected, tmp_path: Path, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[list[Path], list[Path], str]] = []

    def rules(private: list[Path], packages: list[Path], devices: str) -> Rules:
        made.append((private, packages, devices))
        return Rules(read=(tmp_path,))

    monkeypatch.setattr(module, "interpreter_rules", rules)
    monkeypatch.setattr(module, "chosen", lambda wanted: "landlock")
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GEXBENCH_DATA", str(tmp_path / "sets"))
    inspected(Ended())
    assert made == [([packaged_root().path, tmp_path / "home", tmp_path / "sets"], [tmp_path / "code"], "cpu")]
    (job,) = jobs
    assert (job.module, job.rules) == ("gexbench.engine.checks.inspect_process", Rules(read=(tmp_path,)))
    assert (job.folder, job.log) == (tmp_path / "folder" / "child", tmp_path / "folder" / "log.txt")


def test_where_the_system_has_no_sandbox_the_child_has_no_rules(
    inspected: Inspected, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "chosen", lambda wanted: "process")
    inspected(Ended())
    assert jobs[0].rules is None


def test_the_child_reads_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Message | None] = []

    class Child:
        """A child that is heard from when it is left."""

        def __init__(self, job: Job) -> None:
            self.channel = Channel(socket.fromfd(job.fds[0], socket.AF_UNIX, socket.SOCK_STREAM))
            self.channel.end.settimeout(HANG)
            send(self.channel, Ended())

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None:
            heard.append(receive(self.channel, Inspect))
            self.channel.close()

    monkeypatch.setattr(module, "launch", Child)
    inspect(order(tmp_path), tmp_path)
    assert heard == [order(tmp_path)]


TRACEBACK = """Traceback (most recent call last):
  File "/usr/lib/python3/runpy.py", line 196, in _run
  File "{code}/defense.py", line 4, in first
  File "{code}/inner/net.py", line 12, in second
  File "/usr/lib/torch/nn.py", line 7, in relu
ValueError: no
"""


def test_what_is_wrong_is_told_with_the_last_line_of_the_plug_ins_code(inspected: Inspected, tmp_path: Path) -> None:
    _, last = inspected(FINE, WRONG, log=TRACEBACK.format(code=tmp_path / "code"))
    assert last.detail == "guard_output returned nothing (inner/net.py:12)"


def test_a_plug_in_of_one_file_is_named_by_that_file(tmp_path: Path) -> None:
    code = tmp_path / "plug+in.py"
    (tmp_path / "service.log").write_text(f'  File "{code}", line 3, in it\n  File "/other.py", line 9, in x\n')
    assert culprit(tmp_path, code) == " (plug+in.py:3)"


def test_the_last_traceback_of_both_logs_counts(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(f'File "{tmp_path}/a.py", line 1, in x\nFile "{tmp_path}/b.py", line 2, in x\n')
    assert culprit(tmp_path, tmp_path) == " (b.py:2)"
    (tmp_path / "service.log").write_text(f'File "{tmp_path}/c.py", line 3, in x\n')
    assert culprit(tmp_path, tmp_path) == " (c.py:3)"


@pytest.mark.parametrize("text", ["", TRACEBACK.format(code="/elsewhere"), "\ufffd\n"])
def test_where_no_line_of_the_plug_in_is_named_there_is_no_place(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.txt").write_text(text)
    assert culprit(tmp_path, tmp_path / "code") == ""
    assert culprit(tmp_path, None) == ""
    assert culprit(tmp_path / "nowhere", tmp_path / "code") == ""


def test_gexbenchs_own_code_lies_in_no_folder_of_a_plug_in(tmp_path: Path) -> None:
    assert code_folder(order(None, "gexbench.defenses.jpeg:Jpeg")) is None
    assert code_folder(order(tmp_path)) == tmp_path
