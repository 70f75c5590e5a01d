"""How much of a machine a child may take, beside its time."""

from __future__ import annotations

import os
import resource
import stat
import sys
from contextlib import suppress
from pathlib import Path

LARGEST_FILE = 32 << 30
LONGEST_LOG = 16 << 20
MOST_PROCESSES = 512
"""Processes below one child; a limit of the kernel's would count all of the user's."""


def limit() -> None:
    """Bound what this process and all it will start can leave on a disk: no core files, no file without end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    most = LARGEST_FILE if hard == resource.RLIM_INFINITY else min(hard, LARGEST_FILE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def shorten(log: int) -> None:
    """Cut a log that became too long to half of that, so that its end has room; log: a file that is appended to."""
    with suppress(OSError):
        facts = os.fstat(log)
        if stat.S_ISREG(facts.st_mode) and facts.st_size > LONGEST_LOG:
            os.ftruncate(log, LONGEST_LOG // 2)


def crowd() -> int:
    """Count the processes below this one, as far as MOST_PROCESSES goes; 0 where the system does not tell."""
    found, waiting = 0, [os.getpid()] if sys.platform == "linux" else []
    while waiting and found <= MOST_PROCESSES:
        tasks = Path(f"/proc/{waiting.pop()}/task")
        with suppress(OSError):  # it has just ended
            for task in os.listdir(tasks):
                children = (tasks / task / "children").read_text().split()
                found += len(children)
                waiting += map(int, children)
    return found
