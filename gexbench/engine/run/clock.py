"""What the bench gives an attack's process in seconds, stage by stage."""

from __future__ import annotations

import time

from gexbench.errors import RunFailed

READY_WITHIN = 180.0
"""Until a process has started and can work."""
STOPPED_WITHIN = 2.0
"""Until a process that was told to stop has ended; then it is killed."""
ENDED_WITHIN = 5.0
"""Until a process that speaks no more has ended, and how is known."""
GUARDED_WITHIN = 60.0
"""For what a defense makes of one image."""
AT_LEAST = 300.0
LOOK_AGAIN = 1.0


class Clock:
    """A limit that counts only the time inside its `with` blocks; `seconds` is what is left of it outside."""

    def __init__(self, seconds: float, over: str) -> None:
        self.seconds = seconds
        self._over, self._until = over, 0.0

    def __enter__(self) -> None:
        self._until = time.monotonic() + self.seconds

    def __exit__(self, *_: object) -> None:
        self.seconds = self._until - time.monotonic()

    def wait(self) -> float:
        """Return for how long to wait before looking here again; raises RunFailed when the time is over."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise RunFailed(self._over)
        return min(left, LOOK_AGAIN)


def start_clock() -> Clock:
    """Return the limit for a process to start; none of the attack's code runs before it has."""
    return Clock(READY_WITHIN, f"the process for the attack had not started after {READY_WITHIN:g} s")


def attack_clock(deadline: float) -> Clock:
    """Return the limit for extraction, the only thing a task's deadline is about."""
    return Clock(deadline, f"the attack was still running after {deadline:g} s, its deadline")


def evidence_clock(deadline: float) -> Clock:
    """Return the limit for the surrogate's answers to all test images and for saving it: at least the deadline again.

    It ends what hangs and is no part of the task, so it is generous.
    """
    seconds = max(AT_LEAST, deadline)
    return Clock(seconds, f"the surrogate had not answered all test images and been saved after {seconds:g} s")
