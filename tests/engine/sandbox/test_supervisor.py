"""Nothing that a child starts outlives it, nor the bench."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..processes import HANG, LONGER, alive, eventually
from .probes import Confine, Probe, needs_sandbox

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt its orphans")
FREE = Confine(sandbox=False)
BOTH = pytest.mark.parametrize("confine", [FREE, pytest.param(Confine(sandbox=True), marks=needs_sandbox)])
TESTS = Path(__file__).resolve().parents[2]

# Fork twice, leave session and group, forget the parent, and say where it got to.
RUNAWAY = f"""
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open("runaway.part", "w") as note:
            note.write(str(os.getpid()))
        os.rename("runaway.part", "runaway")
        time.sleep({LONGER})
    os._exit(0)
while not os.path.exists("runaway"):
    time.sleep(0.01)
"""
HANGING = RUNAWAY + f"time.sleep({LONGER})"


def supervisor(grace: float = 1) -> str:
    """Return the program of a supervisor that lets helpers end by themselves for so many times its usual seconds.

    What it killed it sees die, or the test gives up.
    """
    return (
        "import sys; sys.path.append(sys.argv[1]); from gexbench.engine.sandbox import descendants, supervisor;"
        f"supervisor._GRACE *= {grace}; descendants._PATIENCE = {HANG}; supervisor.main()"
    )


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path, supervisor())


@pytest.fixture
def graceful(tmp_path: Path) -> Probe:
    """Return a probe whose supervisor lets helpers end by themselves for longer than a test waits."""
    return Probe(tmp_path, supervisor(10 * HANG))


@linux
@BOTH
def test_a_grandchild_that_forked_twice_and_left_the_session_is_killed_and_counted(
    probe: Probe, confine: Confine
) -> None:
    end, log = probe.run(RUNAWAY, (), confine)
    assert (end.code, end.stragglers, end.survivors) == (0, 1, 0), log
    assert not alive(int((probe.work / "runaway").read_text()))


@linux
def test_a_helper_that_ends_by_itself_is_no_straggler(graceful: Probe) -> None:
    program = """
        import os, time
        parent_ended, held_by_parent = os.pipe()
        if os.fork() == 0:
            os.close(held_by_parent)
            os.read(parent_ended, 1)
            time.sleep(0.1)
    """
    end, _ = graceful.run(program)
    assert (end.code, end.stragglers) == (0, 0)


@linux
def test_a_chain_of_forks_cannot_outrun_the_supervisor(probe: Probe) -> None:
    chain = f"""
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        until = time.monotonic() + {HANG}
        if os.fork() == 0:
            while time.monotonic() < until:
                os.setsid() if os.getsid(0) != os.getpid() else None
                if os.fork():
                    os._exit(0)
    """
    end, _ = probe.run(chain)
    assert (end.code, end.survivors) == (0, 0)
    assert end.stragglers >= 1


@linux
def test_a_crowd_of_processes_is_killed_to_the_last(probe: Probe) -> None:
    crowd = f"""
        import os, time
        come, here = os.pipe()
        if os.fork() == 0:
            for _ in range(5):
                os.fork() or os.setsid()
            os.write(here, b".")
            time.sleep({LONGER})
            os._exit(0)
        for _ in range(32):
            os.read(come, 1)
    """
    end, _ = probe.run(crowd)
    assert (end.code, end.stragglers, end.survivors) == (0, 32, 0)


@BOTH
def test_a_hanging_child_is_killed_with_all_it_started_which_is_counted_and_without_grace(
    graceful: Probe, confine: Confine
) -> None:
    with graceful.start(HANGING, (), confine) as child:
        assert eventually((graceful.work / "runaway").exists)
        assert child.poll() is None
        child.kill()
        end = child.wait(HANG)
        assert end is not None
    left = 1 if sys.platform == "linux" else 0
    assert (end.signal, end.killed, end.stragglers, end.survivors) == (signal.SIGKILL, True, left, 0)
    if sys.platform == "linux":
        assert not alive(int((graceful.work / "runaway").read_text()))


@linux
@BOTH
def test_when_the_bench_is_killed_the_child_goes_with_it_and_without_grace(graceful: Probe, confine: Confine) -> None:
    bench = f"""
import sys, time
from pathlib import Path
sys.path[:0] = [{str(TESTS.parent)!r}, {str(TESTS)!r}]
from engine.sandbox.probes import Confine, Probe
child = Probe(Path(sys.argv[1]), {graceful.supervisor!r}).start({HANGING!r}, (), Confine(sandbox={confine.sandbox}))
print(child.pid, child._supervisor.pid, flush=True)
time.sleep({LONGER})
"""
    command = [sys.executable, "-c", bench, str(graceful.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as middle:
        try:
            assert middle.stdout is not None
            descendants = [int(pid) for pid in middle.stdout.readline().split()]
            assert len(descendants) == 2
            assert eventually((graceful.work / "runaway").exists)
            descendants.append(int((graceful.work / "runaway").read_text()))
            assert all(map(alive, descendants))
        finally:
            middle.kill()
        assert eventually(lambda: not any(map(alive, descendants)))


@linux
def test_when_the_supervisor_is_killed_the_child_goes_too_and_its_end_is_unknown(probe: Probe) -> None:
    with probe.start(f"import time; time.sleep({LONGER})") as child:
        os.kill(child._supervisor.pid, signal.SIGKILL)
        assert eventually(lambda: not alive(child.pid))  # by the kernel: the bench does nothing yet
        end = child.wait(HANG)
        assert end is not None
        assert (end.code, end.signal) == (None, None)


@linux
def test_when_the_supervisor_is_killed_the_childs_helpers_go_when_the_bench_looks(probe: Probe) -> None:
    helping = (
        "import os, time\nif os.fork() == 0:\n"
        "    open('part', 'w').write(str(os.getpid()))\n    os.rename('part', 'helper')\n"
        f"time.sleep({LONGER})"
    )
    with probe.start(helping) as child:
        assert eventually((probe.work / "helper").exists)
        helper = int((probe.work / "helper").read_text())
        os.kill(child._supervisor.pid, signal.SIGKILL)
        child.wait(HANG)
        assert eventually(lambda: not alive(helper))


def test_the_supervisor_loads_the_standard_library_alone() -> None:
    program = (
        "import sys; sys.path.append(sys.argv[1]); known = set(sys.stdlib_module_names);"
        "import gexbench.engine.sandbox.supervisor;"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] not in known | {'__main__', 'gexbench'}))"
    )
    run = [sys.executable, "-I", "-S", "-c", program, str(TESTS.parent)]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "[]\n"
