"""What runs will take, from what runs took that were recorded: here below `out`, and in the published boards."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import fmean, median

from gexbench.boards.published import published_root
from gexbench.errors import BoardError
from gexbench.plan import Plan
from gexbench.record import RunRecord, read_record

MOST_READ = 200
"""Records that are read of one task and attack at one place."""
BENCH_BYTES = 1 << 30
"""Memory of the bench itself, which no record tells: torch, the data and the evidence."""


@dataclass(frozen=True)
class Took:
    """What one run took. extract: seconds of its attack. disk: bytes of its folder, None where unknown."""

    plan: Plan
    seconds: float
    extract: float
    answered: float
    memory: int
    disk: int | None
    own: bool


@dataclass(frozen=True)
class Expected:
    """What is expected of a run; None of what no record tells. memory: bytes. usd: what its queries would cost."""

    seconds: float | None
    usd: float
    memory: int | None
    disk: int | None
    own: bool = False


@dataclass(frozen=True)
class Forecast:
    """What is left to do of a sweep. untimed, unsized: runs that no record tells seconds or bytes of.

    hours: for so many runs at once as were named; seconds: of all runs that are timed, one after the other. own: runs
    that were timed by runs below `out`, the others by published records, which other machines made.
    """

    runs: int
    done: int
    hours: float
    seconds: float
    untimed: int
    own: int
    usd: float
    disk: int
    unsized: int


_LIKENESS: tuple[Callable[[Plan], Hashable], ...] = (
    lambda p: (p.task.name, p.profile.name, p.attack.name, _defense(p), _texts(p), p.budget),
    lambda p: (p.task.name, p.profile.name, p.attack.name, _defense(p), _texts(p)),
    lambda p: (p.task.name, p.profile.name, p.attack.name, _defense(p)),
    lambda p: (p.task.name, p.profile.name, p.attack.name),
)
"""By what a run is like another, the nearest first."""


def _defense(plan: Plan) -> str:
    return plan.defense.name if plan.defense else ""


def _texts(plan: Plan) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, str(value)) for key, value in plan.options.items()))


@dataclass
class Timings:
    """What recorded runs took, to say what others will; where none is alike in any way, nothing is said."""

    took: Sequence[Took]
    _found: list[dict[Hashable, list[Took]]] = field(init=False)

    def __post_init__(self) -> None:
        """Sort what is known by likeness."""
        factor = _speed(self.took)
        known = [t if t.own else Took(**{**vars(t), "seconds": t.seconds * factor, "extract": t.extract * factor})
                 for t in self.took]  # fmt: skip
        self._found = [dict[Hashable, list[Took]]() for _ in _LIKENESS]
        for each in known:
            for by, key in zip(self._found, _LIKENESS, strict=True):
                by.setdefault(key(each.plan), []).append(each)

    @classmethod
    def of(cls, plans: Iterable[Plan], out: Path) -> Timings:
        """Read the records of the same tasks and attacks, below `out` and in the published boards."""
        names = {f"{p.task.name}-{p.attack.name}".replace("/", ".") for p in plans}
        try:
            root: Path | None = published_root()
        except BoardError:
            root = None
        took = list[Took]()
        for name in sorted(names):
            own = sorted(out.glob(f"{name}-*/record.json"), key=_age)[:MOST_READ]
            took += [_took(record, file) for file, record in _read(own)]
            shipped = sorted(root.glob(f"*/records/{name}-*.json"))[:MOST_READ] if root else []
            took += [_took(record, None) for _, record in _read(shipped)]
        return cls(took)

    def expected(self, plan: Plan) -> Expected:
        """Return what is expected of a run, from those that are most like it, and of these from one's own."""
        for by, key in zip(self._found, _LIKENESS, strict=True):
            alike = by.get(key(plan), [])
            alike = [each for each in alike if each.own] or alike
            if alike:
                sizes = [each.disk for each in alike if each.disk is not None]
                return Expected(
                    seconds=fmean(_scaled(each, plan) for each in alike),
                    usd=plan.task.price * plan.budget * fmean(each.answered for each in alike),
                    memory=max(each.memory for each in alike) + BENCH_BYTES,
                    disk=round(fmean(sizes)) if sizes else None,
                    own=alike[0].own,
                )
        asks = "outputs" in plan.attack.needs
        return Expected(None, plan.task.price * plan.budget if asks else 0.0, None, None)


def forecast(plans: Sequence[Plan], done: set[str], timings: Timings, jobs: int) -> Forecast:
    """Return what is left of a sweep of which some plans, by id, are done."""
    left = [timings.expected(plan) for plan in plans if plan.id not in done]
    seconds = [each.seconds for each in left if each.seconds is not None]
    sizes = [each.disk for each in left if each.disk is not None]
    return Forecast(
        runs=len(plans),
        done=len(plans) - len(left),
        hours=max(sum(seconds) / jobs, max(seconds, default=0.0)) / 3600,
        seconds=sum(seconds),
        untimed=len(left) - len(seconds),
        own=sum(each.own for each in left),
        usd=round(sum(each.usd for each in left), 2),
        disk=sum(sizes),
        unsized=len(left) - len(sizes),
    )


def _speed(took: Sequence[Took]) -> float:
    """Return by what published seconds are to be multiplied here, as runs of one's own tell; 1 where none does."""
    exactly, ratios = _LIKENESS[0], list[float]()
    shipped: dict[Hashable, list[float]] = {}
    for each in took:
        if not each.own:
            shipped.setdefault(exactly(each.plan), []).append(each.seconds)
    for each in took:
        known = shipped.get(exactly(each.plan))
        if each.own and known:
            ratios.append(each.seconds / fmean(known))
    return median(ratios) if ratios else 1.0


def _scaled(took: Took, plan: Plan) -> float:
    """Return the seconds of a run with as many steps as a plan has; steps are the attack's own time alone."""
    theirs, ours = took.plan.options.get("steps"), plan.options.get("steps")
    if not isinstance(theirs, int) or not isinstance(ours, int) or theirs < 1:
        return took.seconds
    return took.seconds + took.extract * (ours / theirs - 1)


def _read(files: Iterable[Path]) -> Iterator[tuple[Path, RunRecord]]:
    for file in files:
        try:
            record = read_record(file)
        except BoardError:  # what is no record tells nothing
            continue
        if record.status == "ok":
            yield file, record


def _took(record: RunRecord, file: Path | None) -> Took:
    """Return what a record says; file: where it lies in its run's folder, None of a published one."""
    stages, asked = sum(record.seconds.values()), record.account
    return Took(
        plan=record.plan,
        seconds=stages if file is None else _on_the_clock(record, file, stages),
        extract=record.seconds.get("extract", 0.0),
        answered=asked.answered / asked.budget if asked.budget else 0.0,
        memory=sum(record.peak_memory_bytes.values()),
        disk=None if file is None else size_of(file.parent),
        own=file is not None,
    )


def _on_the_clock(record: RunRecord, file: Path, stages: float) -> float:
    """Return the seconds from a run's start to its record, which scoring is a part of and its stages lack.

    Where that cannot be, since the run was stopped in between, copied, or its clock was set, its stages count.
    """
    try:
        seconds = file.stat().st_mtime - datetime.fromisoformat(record.started).timestamp()
    except (OSError, ValueError):
        return stages
    return seconds if stages <= seconds <= 3 * stages + 60 else stages


def _age(file: Path) -> float:
    """Return what sorts the newest first."""
    try:
        return -file.stat().st_mtime
    except OSError:
        return 0.0


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    total = 0
    for above, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(above, name)).st_size
            except OSError:  # it went away
                continue
    return total


def told(found: Forecast) -> Mapping[str, int | float]:
    """Return a forecast as plain data."""
    return {**vars(found), "hours": round(found.hours, 3), "seconds": round(found.seconds, 1)}
