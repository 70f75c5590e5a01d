"""How long one frame may take where there is no other clock: for a service that strangers talk to."""

from __future__ import annotations

import time

from gexbench.engine.wire.frames import BrokenFrame

SLOWEST = 1 << 20
"""Bytes a second that earn a frame more time than its patience; a socket pair carries a thousand times as many."""
LOOK_AGAIN = 1.0


class Pace:
    """A limit for one frame from its first byte to its last: `patience` seconds, and a second more for each SLOWEST."""

    def __init__(self, patience: float) -> None:
        self._since, self._patience = time.monotonic(), patience

    def wait(self, carried: int) -> float:
        """Return for how long to wait before asking again; raises BrokenFrame when the time is over."""
        left = self._since + self._patience + carried / SLOWEST - time.monotonic()
        if left <= 0:
            raise BrokenFrame(f"a frame was not through after {self._patience + carried / SLOWEST:.0f} s")
        return min(left, LOOK_AGAIN)
