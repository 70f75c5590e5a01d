"""Who is alive, and waiting for it: what tests of several processes share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

HANG = 300.0
"""Seconds after which a test gives up what hangs; no claim about speed."""
LONGER = 2 * HANG
"""Seconds that a process sleeps which must be seen killed."""


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait until something holds; False where it hangs."""
    until = time.monotonic() + HANG
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that is dead but not yet taken note of by its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or _after_name(stat)[0] != "Z"


def descendants(pid: int) -> set[int]:
    """Return all processes below one; none where the system has no /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            parents[int(stat.parent.name)] = int(_after_name(stat)[1])
    below = {pid}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    return below - {pid}


def _after_name(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()
