"""A sweep from its plans to the last record: what is done is left, what fails is tried again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gexbench.errors import BoardError, Busy, RunFailed
from gexbench.plan import Plan
from gexbench.record import RunRecord, read_record
from gexbench.sweeps.work import Ended, Executor, Work

LOOK_AGAIN = (5.0, 10.0, 20.0, 60.0)
"""Seconds until runs that somebody else has at work are looked at again, the first time and later ones, where there is
nothing else to do."""


def finished(plan: Plan, out: Path) -> RunRecord | None:
    """Return the record of a run that ended well and measured all it could, or None, whatever else lies there."""
    file = out / plan.run_name / "record.json"
    try:
        record = read_record(file) if file.is_file() else None
    except BoardError:  # the run itself says what is wrong with it
        return None
    done = record is not None and record.status == "ok" and record.id == plan.id and not record.absent
    return record if done else None


@dataclass
class Campaign:
    """Run plans, each until it has its record or failed once more than `retries` times.

    pause: how to wait for what others are at. What it remembers of a plan that has ended is a number.
    """

    work: Work
    executor: Executor
    retries: int = 1
    pause: Callable[[float], None] = time.sleep
    _tries: Counter[str] = field(default_factory=Counter)

    def __call__(self, plans: Sequence[Plan]) -> Iterator[Ended]:
        """Yield the end of each plan once, as they end; those with a record first, with 0 seconds.

        Failed runs are tried again after all others have had their turn. A run that somebody else has at work is waited
        for, and its record is taken.
        """
        waiting = list[Plan]()
        for plan in plans:
            record = finished(plan, self.work.out)
            if record is None:
                waiting.append(plan)
            else:
                yield Ended(plan.id, record)
        idle = 0
        while waiting:
            busy, again = list[Plan](), list[Plan]()
            for plan, ended in self._round(waiting):
                if isinstance(ended.end, Busy):
                    busy.append(plan)
                elif ended.failed and self._tries[ended.id] < self.retries:
                    self._tries[ended.id] += 1
                    again.append(plan)
                else:
                    yield ended
            idle = idle + 1 if len(busy) == len(waiting) else 0
            if idle:
                self.pause(LOOK_AGAIN[min(idle, len(LOOK_AGAIN)) - 1])
            waiting = [*again, *busy]

    def _round(self, plans: Sequence[Plan]) -> Iterator[tuple[Plan, Ended]]:
        """Let the executor have plans, and yield each with what became of it."""
        by_id = {plan.id: plan for plan in plans}
        for ended in self.executor(self.work, plans):
            yield by_id.pop(ended.id), ended
        for plan in by_id.values():
            yield plan, Ended(plan.id, RunFailed("the executor did not say what became of it"))
