"""What a child may take of a machine: disk and processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gexbench.engine.sandbox import launch as launching

from ..processes import LONGER
from .probes import Probe

ROOT = Path(__file__).resolve().parents[3]
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and Linux's limits")


def tight(tmp_path: Path, name: str, value: int) -> Probe:
    """Return a scratch folder whose supervisor has a tighter limit."""
    start = launching._SUPERVISOR.replace(
        "from gexbench", f"from gexbench.engine.sandbox import limits; limits.{name} = {value}; from gexbench"
    )
    return Probe(tmp_path, start)


@linux
def test_a_file_has_a_largest_size_and_there_are_no_cores(tmp_path: Path) -> None:
    program = """
        import resource
        print(resource.getrlimit(resource.RLIMIT_CORE))
        try:
            with open("big", "wb", buffering=0) as file:
                file.write(b"x")
                file.seek(1 << 20)
                file.write(b"x")
        except OSError as error:
            print(error.strerror)
    """
    end, log = tight(tmp_path, "LARGEST_FILE", 1 << 20).run(program)
    assert (end.code, log.splitlines()) == (0, ["(0, 0)", "File too large"])


@linux
def test_a_log_stays_short_however_much_is_printed(tmp_path: Path) -> None:
    probe = tight(tmp_path, "LONGEST_LOG", 1000)
    program = f"""
        import os, time
        from pathlib import Path
        until = time.monotonic() + {LONGER}
        print("first", flush=True)
        print("x" * 5000, flush=True)
        while os.fstat(1).st_size > 1000 and time.monotonic() < until:
            time.sleep(0.01)
        print("last", flush=True)
    """
    end, log = probe.run(program)
    assert end.code == 0
    assert log.startswith("first")
    assert log.endswith("last\n")
    assert len(log) < 1100


@linux
def test_a_crowd_of_processes_ends_the_child(tmp_path: Path) -> None:
    crowd = f"""
        import os, time
        for _ in range(20):
            if os.fork() == 0:
                time.sleep({LONGER})
        time.sleep({LONGER})
    """
    end, log = tight(tmp_path, "MOST_PROCESSES", 8).run(crowd)
    assert (end.signal, end.stragglers, end.survivors) == (signal.SIGKILL, 20, 0)
    assert "more than 8 processes" in log


@linux
def test_a_tighter_limit_that_is_there_already_stays() -> None:
    program = (
        "import resource; from gexbench.engine.sandbox import limits; own = (1 << 20, 1 << 20);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, own); limits.limit();"
        "assert resource.getrlimit(resource.RLIMIT_FSIZE) == own"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
