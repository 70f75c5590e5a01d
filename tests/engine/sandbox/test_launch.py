"""A child gets what its job says and no more."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from gexbench.engine.sandbox.launch import Job, launch
from gexbench.engine.sandbox.rules import Rules
from gexbench.errors import RunFailed

from ..processes import HANG, LONGER
from .probes import Confine, Probe, needs_sandbox

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt its orphans")
FREE = Confine(sandbox=False)
BOTH = pytest.mark.parametrize("confine", [FREE, pytest.param(Confine(sandbox=True), marks=needs_sandbox)])


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


@BOTH
def test_a_child_runs_in_its_own_folder_with_its_descriptors_and_its_words_in_the_log(
    probe: Probe, confine: Confine
) -> None:
    program = """
        import os, socket, sys
        with socket.socket(fileno=int(sys.argv[1])) as channel:
            channel.sendall(b"hello")
        others = []
        for number in range(3, 64):
            try:
                os.fstat(number)
                others.append(number)
            except OSError:
                pass
        home = {key: os.environ[key] for key in ("HOME", "TMPDIR", "TORCH_HOME")}
        inside = all(value.startswith(os.getcwd() + "/") for value in home.values())
        print(sys.argv[2], inside, others, sys.stdin.read() == "", os.getsid(0) == os.getpid())
        sys.exit(7)
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        confined = Confine(fds=(theirs.fileno(),), sandbox=confine.sandbox)
        with probe.start(program, (theirs.fileno(), "two words"), confined) as child:
            assert ours.recv(5) == b"hello"
            end = child.wait(HANG)
    assert end is not None
    assert (end.code, end.signal, end.killed, end.stragglers, end.survivors) == (7, None, False, 0, 0)
    assert (probe.root / "log").read_text() == "two words True [] True True\n"
    assert child.poll() == end


def test_secrets_in_the_environment_stay_behind(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    _, log = probe.run("import os; print(os.environ.get('HF_TOKEN'), os.environ['CUDA_VISIBLE_DEVICES'])")
    assert log == "None 5\n"


def test_the_other_end_notices_when_a_child_ends(probe: Probe) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = probe.start("pass", (), Confine(fds=(theirs.fileno(),)))
        with child:
            assert ours.recv(1) == b""


def test_the_other_end_notices_when_a_child_closes_its_own_and_goes_on(probe: Probe) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(HANG)
        with theirs:
            program = f"import os, sys, time; os.close(int(sys.argv[1])); time.sleep({LONGER})"
            child = probe.start(program, (theirs.fileno(),), Confine(fds=(theirs.fileno(),)))
        with child:
            assert ours.recv(1) == b""
            assert child.poll() is None


def test_killing_again_or_after_the_end_does_nothing(probe: Probe) -> None:
    with probe.start("pass") as child:
        end = child.wait(HANG)
        child.kill()
        assert child.wait() == end


@linux
def test_a_child_ended_by_a_signal_says_which(probe: Probe) -> None:
    end, _ = probe.run("import os; os.abort()")
    assert (end.code, end.signal, end.killed) == (None, signal.SIGABRT, False)
    assert not list(probe.work.glob("core*"))


@needs_sandbox
def test_a_child_that_cannot_be_started_is_an_error_with_the_reason(probe: Probe) -> None:
    probe.code.mkdir()
    with pytest.raises(RunFailed, match="Permission denied") as caught:
        launch(Job("anything", (), (), probe.work, probe.root / "log", Rules(), {}))
    assert str(probe.root / "log") in caught.value.hint
