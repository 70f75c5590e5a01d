"""Start a Python module in a process of its own, sandboxed where rules are given, under a supervisor that clears up."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from gexbench.engine.sandbox import environment
from gexbench.engine.sandbox.rules import Rules
from gexbench.errors import RunFailed

# Without site and its hooks the supervisor starts in half the time; gexbench comes last, behind the standard library.
_SUPERVISOR = "import sys; sys.path.append(sys.argv[1]); from gexbench.engine.sandbox.supervisor import main; main()"


@dataclass(frozen=True)
class Job:
    """What to start: a module with arguments, the descriptors it inherits under the same numbers, and its own folder.

    folder: where it runs and may write; its home and temporary files are kept there. log: gets what it prints. rules:
    None for no sandbox, the process boundary alone. env: variables beside the few that are passed on.
    """

    module: str
    argv: tuple[str, ...]
    fds: tuple[int, ...]
    folder: Path
    log: Path
    rules: Rules | None
    env: Mapping[str, str]


@dataclass(frozen=True)
class Exit:
    """How a child ended: by itself with a code, or by a signal.

    killed: on the bench's word. stragglers: processes beside it that were there at its end and were killed.
    survivors: processes that even SIGKILL did not end in time. peak_memory: resident bytes of the largest process.
    Code and signal are both None when the supervisor itself was killed.
    """

    code: int | None
    signal: int | None
    killed: bool
    stragglers: int
    survivors: int
    peak_memory: int


class Child:
    """A running child and everything it starts; leaving the `with` block kills what is left of it."""

    def __init__(self, supervisor: subprocess.Popen[bytes], lifeline: BinaryIO, result: BinaryIO) -> None:
        self._supervisor, self._lifeline, self._result = supervisor, lifeline, result
        self._lock = threading.Lock()
        self._told = b""
        self._exit: Exit | None = None
        self.pid = 0

    def poll(self) -> Exit | None:
        """Return how the child ended, or None while it runs."""
        return self.wait(0.0)

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait until the child and all its descendants are gone; None when `timeout` seconds were not enough."""
        until = None if timeout is None else time.monotonic() + timeout
        if self._lock.acquire(timeout=-1 if timeout is None else timeout):
            try:
                if self._exit is None and self._listen(2, until):
                    self._exit = self._conclude()
            finally:
                self._lock.release()
        return self._exit

    def kill(self) -> None:
        """Kill the child and all its descendants; returns at once, `wait` tells when they are gone."""
        with contextlib.suppress(OSError, ValueError):  # the supervisor has gone, or was concluded
            self._lifeline.write(b"k")

    def confirm(self, log: Path) -> None:
        """Wait until the child runs Python; raises RunFailed when it could not be started."""
        self._listen(1, None)
        first = json.loads(self._told.splitlines()[0]) if self._told else {"error": "its guard ended"}
        if "pid" not in first:
            self._exit = self._conclude()
            raise RunFailed(f"a process could not be started: {first['error']}", f"see {log}")
        self.pid = int(first["pid"])

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()

    def _listen(self, lines: int, until: float | None) -> bool:
        """Read reports until there are `lines` of them or the supervisor is gone; tell whether that came in time."""
        poll = select.poll()
        poll.register(self._result, select.POLLIN)
        while self._told.count(b"\n") < lines:
            if not poll.poll(None if until is None else max(0.0, until - time.monotonic()) * 1000):
                return False
            more = os.read(self._result.fileno(), 65536)
            if not more:
                break
            self._told += more
        return True

    def _conclude(self) -> Exit:
        self._supervisor.wait()
        self._result.close()
        self._lifeline.close()
        last = json.loads(self._told.splitlines()[-1]) if self._told else {}
        if "code" in last:
            return Exit(**last)
        if self.pid:  # the supervisor was killed; what it watched over usually went with it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return Exit(None, None, False, 0, 0, 0)


def launch(job: Job) -> Child:
    """Start a job under a supervisor; returns once its Python runs, with the sandbox in force.

    The job's folder is made where it is missing, and is writable under its rules. Raises RunFailed when the process or
    the sandbox cannot be set up, OSError when folder or log cannot be written.
    """
    environment.furnish(job.folder)
    listen, lifeline = os.pipe()
    result, speak = os.pipe()
    try:
        with job.log.open("ab") as log:
            supervisor = _start_supervisor(job, log, (listen, speak))
    except BaseException:
        os.close(lifeline)
        os.close(result)
        raise
    finally:
        os.close(listen)
        os.close(speak)
    child = Child(supervisor, os.fdopen(lifeline, "wb", buffering=0), os.fdopen(result, "rb", buffering=0))
    child.confirm(job.log)
    return child


def _start_supervisor(job: Job, log: BinaryIO, pipes: tuple[int, int]) -> subprocess.Popen[bytes]:
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _SUPERVISOR, str(environment.SOURCE)],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        pass_fds=(*job.fds, *pipes),
        env=environment.environment(job.folder, job.env),
        start_new_session=True,
    )
    with contextlib.suppress(BrokenPipeError), supervisor.stdin or contextlib.nullcontext() as orders:
        if orders:
            orders.write(json.dumps(_orders(job, pipes)).encode())
    return supervisor


def _orders(job: Job, pipes: tuple[int, int]) -> dict[str, object]:
    rules, view = None, job.rules is not None and job.rules.view
    if job.rules is not None:
        columns = asdict(replace(job.rules, write=(*job.rules.write, job.folder)))
        del columns["view"]
        rules = {name: [str(path.absolute()) for path in paths] for name, paths in columns.items()}
    orders = {"module": job.module, "argv": job.argv, "fds": job.fds, "folder": str(job.folder.absolute())}
    return {**orders, "rules": rules, "view": view, "lifeline": pipes[0], "result": pipes[1]}
