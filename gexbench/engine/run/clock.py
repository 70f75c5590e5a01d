"""What the bench gives an attack's process in seconds, stage by stage, over all attempts in one run folder."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gexbench.errors import OutputError, RunFailed
from gexbench.files import atomic_write

READY_WITHIN = 180.0
"""Until a process has started and can work."""
ANSWERED_WITHIN = 3600.0
"""Until the service has answered the bench one question."""
STOPPED_WITHIN = 10.0
"""Until a process that was told to stop has ended; then it is killed."""
ENDED_WITHIN = 5.0
"""Until a process that speaks no more has ended, and how is known."""
GUARDED_WITHIN = 60.0
"""For what a defense makes of one image."""
AT_LEAST = 300.0
LOOK_AGAIN = 1.0
KEPT_EVERY = 2.0


@dataclass
class Stopwatch:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)


class Clock:
    """A limit that counts only the time inside its `with` blocks; `seconds` is what is left of it outside.

    over: what is raised when the time is over. keep: told what is left, at every look and at the end of each block.
    """

    def __init__(self, seconds: float, over: Exception, keep: Callable[[float], None] = lambda left: None) -> None:
        self.seconds = seconds
        self._over, self._keep, self._until = over, keep, 0.0

    def __enter__(self) -> Clock:
        self._until = time.monotonic() + self.seconds
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = self._until - time.monotonic()
        self._keep(self.seconds)

    def wait(self, carried: int = 0) -> float:
        """Return for how long to wait before looking here again; raises when the time is over.

        carried: bytes of a frame, for which there is no more time; see wire.frames.Wait.
        """
        left = self._until - time.monotonic()
        self._keep(left)
        if left <= 0:
            raise self._over
        return min(left, LOOK_AGAIN)


def start_clock() -> Clock:
    """Return the limit for a process to start; none of the attack's code runs before it has."""
    return Clock(READY_WITHIN, RunFailed(f"the process for the attack had not started after {READY_WITHIN:g} s"))


def evidence_seconds(deadline: float, card: float | None) -> float:
    """Return the limit for building the surrogate anew and its answers to all test images: what the task's card says.

    Without a word there at least the deadline again: it ends what hangs, so it is generous.
    """
    return max(AT_LEAST, deadline) if card is None else card


@dataclass
class Timesheet:
    """What an attack may take in seconds, and has taken, over all attempts in one run folder.

    deadline: for extraction and saving, the only things a task's deadline is about. evidence: see `evidence_seconds`.
    file: the bench's own, so that what was used before a kill stays used; None keeps it in memory.
    """

    deadline: float
    evidence: float
    file: Path | None = None
    used: dict[str, float] = field(default_factory=dict)
    _kept_at: float = -math.inf

    def __post_init__(self) -> None:
        """Read what earlier attempts used; raises OutputError where the file is none of ours."""
        if self.file is not None and self.file.exists():
            try:
                read = json.loads(self.file.read_text())
                self.used = {stage: float(read.get(stage, 0.0)) for stage in ("extraction", "evidence")}
                if not all(0 <= seconds < math.inf for seconds in self.used.values()):
                    raise ValueError
            except (ValueError, TypeError, AttributeError, OSError):
                raise OutputError(f"{self.file} does not say what time was used", "use another folder, --out") from None

    def extraction(self) -> Clock:
        """Return what is left for extraction; raises RunFailed where earlier attempts left nothing."""
        return self._left(
            "extraction", self.deadline, f"the attack was still running after {self.deadline:g} s, its deadline"
        )

    def witnessing(self) -> Clock:
        """Return what is left for evidence; raises RunFailed where earlier attempts left nothing."""
        over = f"the surrogate had not been built anew and answered all test images after {self.evidence:g} s"
        return self._left("evidence", self.evidence, over)

    def settle(self, ahead: float = 0.0) -> None:
        """Write down what was used; ahead: and seconds of each stage that may be used before this is called again."""
        if self.file is not None and self.used:
            charged = {stage: round(seconds + ahead, 3) for stage, seconds in self.used.items()}
            atomic_write(self.file, json.dumps(charged).encode())
        self._kept_at = time.monotonic()

    def _left(self, stage: str, whole: float, over: str) -> Clock:
        before = self.used.get(stage, 0.0)
        if before >= whole:
            raise RunFailed(
                f"nothing is left of the {whole:g} s for {stage}: earlier attempts in this folder used them; "
                "start the run in another folder, with --out"
            )
        over += f"; earlier attempts had used {before:.0f} s of them" if before else ""

        def keep(left: float) -> None:
            self.used[stage] = whole - left
            if time.monotonic() - self._kept_at >= KEPT_EVERY:
                self.settle(KEPT_EVERY)  # so that who is killed within that time has paid for it

        return Clock(whole - before, RunFailed(over), keep)
