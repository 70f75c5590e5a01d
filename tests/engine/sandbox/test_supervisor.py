"""Nothing that a child starts outlives it, nor the bench."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .probes import Confine, Probe, needs_sandbox

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt its orphans")
PATIENCE = 2.0  # on a busy machine; on an idle one killing takes about 0.02 s
FREE = Confine(sandbox=False)
BOTH = pytest.mark.parametrize("confine", [FREE, pytest.param(Confine(sandbox=True), marks=needs_sandbox)])

# Fork twice, leave session and group, forget the parent, and say where it got to.
RUNAWAY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open("runaway.part", "w") as note:
            note.write(str(os.getpid()))
        os.rename("runaway.part", "runaway")
        time.sleep(60)
    os._exit(0)
while not os.path.exists("runaway"):
    time.sleep(0.01)
"""


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that is dead but not yet taken note of by its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def soon(holds: Callable[[], bool], within: float) -> bool:
    until = time.monotonic() + within
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@linux
@BOTH
def test_a_grandchild_that_forked_twice_and_left_the_session_is_killed_and_counted(
    probe: Probe, confine: Confine
) -> None:
    end, log = probe.run(RUNAWAY, (), confine)
    assert (end.code, end.stragglers, end.survivors) == (0, 1, 0), log
    assert not alive(int((probe.work / "runaway").read_text()))


@linux
def test_a_helper_that_ends_by_itself_is_no_straggler(probe: Probe) -> None:
    end, _ = probe.run("import os, time\nif os.fork() == 0: time.sleep(0.1)")
    assert (end.code, end.stragglers) == (0, 0)


@linux
def test_a_chain_of_forks_cannot_outrun_the_warden(probe: Probe) -> None:
    chain = """
        import os, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            for _ in range(20000):
                os.setsid() if os.getsid(0) != os.getpid() else None
                if os.fork():
                    os._exit(0)
    """
    end, _ = probe.run(chain)
    assert (end.code, end.survivors) == (0, 0)
    assert end.stragglers >= 1


@linux
def test_a_crowd_of_processes_is_killed_to_the_last(probe: Probe) -> None:
    crowd = "import os, time\nfor _ in range(5):\n    os.fork() or os.setsid()\ntime.sleep(60)"
    with probe.start(f"import os\nif os.fork() == 0:\n    exec({crowd!r})") as child:
        end = child.wait(20)
    assert end is not None
    assert (end.stragglers, end.survivors) == (32, 0)


@BOTH
def test_a_hanging_child_is_killed_with_all_it_started_within_a_second(probe: Probe, confine: Confine) -> None:
    with probe.start(RUNAWAY + "time.sleep(60)", (), confine) as child:
        assert soon((probe.work / "runaway").exists, 20)
        assert child.poll() is None
        start = time.monotonic()
        child.kill()
        end = child.wait(10)
        took = time.monotonic() - start
    assert end is not None
    assert (end.signal, end.killed, end.stragglers) == (signal.SIGKILL, True, 0)
    assert took < 1.0 + PATIENCE
    if sys.platform == "linux":
        assert not alive(int((probe.work / "runaway").read_text()))


@linux
@BOTH
def test_when_the_bench_is_killed_the_child_goes_with_it(probe: Probe, confine: Confine) -> None:
    bench = f"""
import sys, time
from pathlib import Path
from tests.engine.probes import Confine, Probe
child = Probe(Path(sys.argv[1])).start({RUNAWAY + "time.sleep(60)"!r}, (), Confine(sandbox={confine.sandbox}))
print(child.pid, child._warden.pid, flush=True)
time.sleep(60)
"""
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", bench, str(probe.root)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as middle:
        assert middle.stdout is not None
        family = [int(pid) for pid in middle.stdout.readline().split()]
        assert soon((probe.work / "runaway").exists, 20)
        family.append(int((probe.work / "runaway").read_text()))
        assert all(map(alive, family))
        middle.kill()
        assert soon(lambda: not any(map(alive, family)), 1.0 + PATIENCE)


@linux
def test_when_the_warden_is_killed_the_child_goes_too_and_its_end_is_unknown(probe: Probe) -> None:
    with probe.start("import time; time.sleep(60)") as child:
        os.kill(child._warden.pid, signal.SIGKILL)
        end = child.wait(5)
        assert end is not None
        assert (end.code, end.signal) == (None, None)
        assert soon(lambda: not alive(child.pid), 1.0 + PATIENCE)


def test_the_warden_loads_the_standard_library_alone() -> None:
    program = (
        "import sys; sys.path.append(sys.argv[1]); known = set(sys.stdlib_module_names);"
        "import gexbench.engine.sandbox.supervisor;"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] not in known | {'__main__', 'gexbench'}))"
    )
    run = [sys.executable, "-I", "-S", "-c", program, str(Path(__file__).resolve().parents[3])]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "[]\n"
