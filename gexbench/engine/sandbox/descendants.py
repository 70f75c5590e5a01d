"""A child and its descendants, as the process sees them that adopts every orphan among them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

_PATIENCE = 10.0  # seconds, after which a process that does not die of SIGKILL is reported, not waited for


class Descendants:
    """The child and whatever descends from it; `status` is the child's wait status once it has ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self.stragglers = 0
        self._doomed: set[int] = set()
        self._killed = False

    def reap(self) -> None:
        """Take the status of everyone who has ended; a straggler is one that had to be killed."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid == self.pid:
                    self.status = status
                elif (
                    (self._killed or self._doomed) and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
                ):
                    self.stragglers += 1

    def kill(self) -> None:
        """Kill the child and all that stayed in its process group; whoever of them is not the child is a straggler."""
        self._killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def clear(self, grace: float) -> int:
        """Kill every descendant still there after `grace` seconds; returns how many did not die.

        A grandchild becomes ours at the moment its parent dies, so killing children until there are none reaches all.
        """
        if sys.platform != "linux":
            self.kill()
        start = time.monotonic()
        while True:
            self.reap()
            waited, left = time.monotonic() - start, _children()
            if not left or waited > grace + _PATIENCE:
                return len(left)
            if waited >= grace:
                self._doom(left)
            else:
                time.sleep(0.01)

    def _doom(self, left: set[int]) -> None:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                group = os.getpgid(pid)
                os.kill(pid, signal.SIGKILL)
                if group != os.getpgrp():
                    os.killpg(group, signal.SIGKILL)  # at one stroke, or forks could outrun the list of children
        if left <= self._doomed:
            time.sleep(0.001)  # all are dying; a fork that is still running away would leave no time to sleep
        self._doomed |= left

    def end(self) -> dict[str, int | None]:
        """Return the child's exit code, or the signal that ended it."""
        if self.status is None:
            return {"code": None, "signal": None}
        code = os.waitstatus_to_exitcode(self.status)
        return {"code": code, "signal": None} if code >= 0 else {"code": None, "signal": -code}


def _children() -> set[int]:
    """Return the direct children of this process, dead ones not yet reaped among them."""
    if sys.platform != "linux":
        return set()
    own = os.getpid()
    try:
        return {int(pid) for pid in Path(f"/proc/{own}/task/{own}/children").read_text().split()}
    except OSError:  # the kernel was built without that file
        return {int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _parent(entry) == own}


def _parent(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0
