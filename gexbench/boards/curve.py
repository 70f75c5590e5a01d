"""What an attack reaches with how many questions: records of several budgets as one curve."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gexbench.boards.accept import pinned
from gexbench.boards.agree import Agreement, Entry
from gexbench.boards.flat import plain
from gexbench.boards.label import attack_label, defense_label
from gexbench.boards.row import Row
from gexbench.boards.spread import Spread
from gexbench.cards.fields import Compare
from gexbench.errors import BoardError
from gexbench.foreign_text import shown
from gexbench.plan import Plan
from gexbench.record import RunRecord

SHOWN: tuple[Compare, ...] = ("B", "C")


class Point(NamedTuple):
    """One number of one run."""

    budget: int
    seed: int
    metric: str
    compare: Compare
    test: str
    value: float
    record: str


@dataclass(frozen=True)
class Curve:
    """An attack at one task and profile: a row of records a budget, in images.

    budgets: all that were asked for, rising. rows: records of runs that ended well, by seed; where all runs of a budget
    failed, it has no row.
    """

    label: str
    plan: Plan
    budgets: tuple[int, ...]
    rows: dict[int, Row]

    @property
    def top(self) -> int:
        """Return the profile's ranked budget, which is 100 %."""
        return self.plan.task.profile[self.plan.profile.name].ranked_budget

    @property
    def tests(self) -> tuple[str, ...]:
        """Return the test splits in the order of the data set's card."""
        return tuple(self.plan.dataset.splits.test)

    @property
    def name(self) -> str:
        """Return the stem of the curve's files: `sr-srresnet-mini-curve`, `sr-srresnet-steps=100-jpeg-mini-curve`.

        Of an attack or a defense with its options the first 100 characters. Victim and data set are named where they
        are not the profile's.
        """
        plan = self.plan
        unusual = [n for n in (plan.victim.name, plan.dataset.name) if n not in (plan.scale.victim, plan.scale.dataset)]
        labels = [_stem(text) for text in (self.label, defense_label(plan), *unusual) if text]
        return "-".join([plan.task.name, *labels, plan.profile.name, "curve"])

    @property
    def title(self) -> str:
        """Say what was copied by what, and over how many seeds; fewer where runs failed."""
        plan, counts = self.plan, [len(row.records) for row in self.rows.values()]
        few, most = min(counts, default=0), max(counts, default=0)
        seeds = f"{most} seed{'s' if most != 1 else ''}" if few == most else f"{few} to {most} seeds"
        against = f" against {defense_label(plan)}" if plan.defense else ""
        head = f"{self.label} on {pinned(plan.task)}{against}"
        return shown(f"{head} · {plan.profile.name} · victim {plan.victim.name} · {seeds}")

    @property
    def marks(self) -> tuple[str, ...]:
        """Return what a reader should know before trusting the curve."""
        records = [record for row in self.rows.values() for record in row.records]
        checks = {
            "unsandboxed": any(record.isolation != "landlock" for record in records),
            "incidents happened": any(record.incidents for record in records),
            "infinite values are not drawn": any(math.isinf(p.value) for p in self.points() if self.is_main(p)),
        }
        return tuple(mark for mark, there in checks.items() if there)

    def points(self) -> Iterator[Point]:
        """Yield every number of every record: by budget and seed, then as the record has them."""
        for budget, row in self.rows.items():
            for r in row.records:
                yield from (Point(budget, s.seed, s.metric, s.compare, s.test, s.value, r.id) for s in r.scores)

    def is_main(self, point: Point) -> bool:
        """Whether a number is the task's main metric between surrogate and victim or truth."""
        return point.metric == self.plan.task.main.metric and point.compare in SHOWN

    def shown(self) -> tuple[Compare, ...]:
        """Return the comparisons of the main metric that were measured, of B and C."""
        there = {point.compare for point in self.points() if self.is_main(point)}
        return tuple(compare for compare in SHOWN if compare in there)

    def spread(self, budget: int, compare: Compare, test: str) -> Spread | None:
        """Return the main metric over the seeds of a budget; None where nothing was measured."""
        row = self.rows.get(budget)
        return row.score(self.plan.task.main.metric, compare, test) if row else None


def make_curve(records: Iterable[RunRecord]) -> Curve:
    """Return the curve of runs of one attack, against one defense or none; failed ones leave a gap.

    Raises BoardError for records that may not stand side by side, and for none.
    """
    runs = sorted(records, key=lambda record: (record.plan.budget, record.plan.seed))
    if not runs:
        raise BoardError("a curve needs at least one record", "run the attack first")
    agreed, label, wanted = Agreement(), attack_label(runs[0].plan), _studied(runs[0].plan)
    for run in runs:
        entry = Entry(Path(run.plan.run_name), run)
        other = None if _studied(run.plan) == wanted else f"it is of {_studied(run.plan)}, not {wanted}"
        ended = run.status == "ok"
        why = other or (agreed.conflict(entry) if ended else None)
        if why:
            raise BoardError(f"{entry.path} cannot stand on this curve: {why}")
        if ended:
            agreed.take(entry)
    budgets = tuple(dict.fromkeys(run.plan.budget for run in runs))
    rows = {
        budget: tuple(entry.record for entry in agreed.entries if entry.record.plan.budget == budget)
        for budget in budgets
    }
    return Curve(label, runs[0].plan, budgets, {budget: Row(label, own) for budget, own in rows.items() if own})


def _studied(plan: Plan) -> str:
    """Name attack and, if there is one, defense, with their options."""
    return attack_label(plan) + (f" against {defense_label(plan)}" if plan.defense else "")


def _stem(text: str) -> str:
    return re.sub(r"[^\w.=+@-]+", "-", text.replace("/", ".")).strip("-")[:100]


def to_csv(curve: Curve) -> str:
    """Return a curve's numbers as CSV, one a line, with all their digits."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([Point._fields, *curve.points()])
    return buffer.getvalue()


def as_json(curve: Curve) -> dict[str, Any]:
    """Return a curve as plain data: its numbers, and the main metric over seeds."""
    main = curve.plan.task.main.metric
    means = [
        {"budget": b, "metric": main, "compare": c, "test": t, "mean": s.mean, "std": s.std, "n": s.n}
        for b in curve.budgets
        for c in curve.shown()
        for t in curve.tests
        if (s := curve.spread(b, c, t)) is not None
    ]
    plan = curve.plan
    against = defense_label(plan) or None
    head = {"task": pinned(plan.task), "attack": curve.label, "defense": against, "profile": plan.profile.name}
    numbers = [plain(point._asdict()) for point in curve.points()]
    marks = list(curve.marks)
    return {**head, "victim": plan.victim.name, "marks": marks, "means": plain(means), "points": numbers}
