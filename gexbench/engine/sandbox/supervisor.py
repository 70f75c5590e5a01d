"""The supervisor: a small trusted process between the bench and a child, so that nothing outlives a run.

It adopts every orphan of the child (PR_SET_CHILD_SUBREAPER, prctl(2)), and ends them all when the child ends, when the
bench says so, or when the bench is gone. Its orders come as JSON on standard input, its reports leave as JSON lines.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gexbench.engine.sandbox import limits, linux
from gexbench.engine.sandbox.descendants import Descendants
from gexbench.engine.sandbox.mounts import NoView
from gexbench.engine.sandbox.rules import Rules, enclose, restrict

_GRACE = 0.5  # seconds for helper processes that end by themselves once the child has gone
_CHILD = "gexbench.engine.sandbox.child"
_NO_VIEW, _NOT_STARTED = 126, 127  # how a child ends that never ran Python
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Start the child that standard input describes, watch it, and report how it ended."""
    order = json.load(sys.stdin)
    lifeline, result = int(order["lifeline"]), int(order["result"])
    for private in (lifeline, result):
        os.set_inheritable(private, False)
    linux.adopt_orphans()
    wake = _wake_on_signals()
    try:
        pid = _start(order, order["view"])
    except OSError as problem:
        _report(result, {"error": str(problem)})
        return
    for shared in order["fds"]:
        os.close(shared)  # or the other ends would not notice that the child has gone
    _report(result, {"pid": pid})
    descendants = Descendants(pid)
    killed = _watch(descendants, lifeline, wake)
    survivors = descendants.clear(0.0 if killed else _GRACE)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    end = {"killed": killed, "stragglers": descendants.stragglers, "survivors": survivors}
    _report(result, {**descendants.end(), **end, "peak_memory": peak})


def _wake_on_signals() -> int:
    """Make a signal readable: return a descriptor that gets a byte, the signal's number, for each."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    for number in (signal.SIGCHLD, *_ENDING):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read


def _watch(descendants: Descendants, lifeline: int, wake: int) -> bool:
    """Wait until the child has ended; return whether it was killed, for the bench said so or is gone."""
    bench, killed = os.getppid(), False
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(lifeline, select.POLLIN)
    while True:
        descendants.reap()
        if descendants.status is not None:
            return killed
        ready = {descriptor for descriptor, _ in poll.poll(500)}
        limits.shorten(sys.stdout.fileno())
        if not killed and limits.crowd() > limits.MOST_PROCESSES:
            print(f"gexbench: ended, for there were more than {limits.MOST_PROCESSES} processes", flush=True)
            descendants.kill()
        told = wake in ready and any(number in _ENDING for number in os.read(wake, 4096))
        if not killed and (told or lifeline in ready or os.getppid() != bench):
            killed = True
            poll.unregister(lifeline)
            descendants.kill()


def _start(order: Mapping[str, Any], view: bool) -> int:
    """Fork the child; raises OSError, with what went wrong in it, unless it comes as far as running Python.

    view: with a view of its own; where the system refuses one, the child is started again without.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(order, write, view)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        problem = pipe.read()
    if not problem:
        return pid
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) == _NO_VIEW:
        return _start(order, view=False)
    raise OSError(problem.decode(errors="replace"))


def _become(order: Mapping[str, Any], complaints: int, view: bool) -> None:
    code = _NOT_STARTED
    try:
        supervisor = os.getppid()
        _settle(supervisor, order["folder"])
        if order["rules"] is not None:
            columns: dict[str, Any] = {key: tuple(map(Path, paths)) for key, paths in order["rules"].items()}
            rules = Rules(**columns)
            if view:
                enclose(rules, Path(order["folder"]))
            restrict(rules)
            _depend_on(supervisor)  # again, for a change of privileges ends it
        os.execv(sys.executable, [sys.executable, "-P", "-m", _CHILD, order["module"], *order["argv"]])
    except BaseException as problem:
        code = _NO_VIEW if isinstance(problem, NoView) else code
        os.write(complaints, f"{type(problem).__name__}: {problem}".encode()[:4000])
    finally:
        os._exit(code)


def _settle(supervisor: int, folder: str) -> None:
    os.setsid()
    _depend_on(supervisor)
    limits.limit()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.chdir(folder)
    with contextlib.suppress(OSError):  # when memory runs out, this process goes first
        Path("/proc/self/oom_score_adj").write_text("500")


def _depend_on(supervisor: int) -> None:
    linux.die_with_parent(signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(_NOT_STARTED)


def _report(result: int, values: Mapping[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(result, json.dumps(values).encode() + b"\n")


if __name__ == "__main__":
    main()
