"""Running a record's plan again, and comparing.

Training is not bit-equal across machines, so a second run is held against the recorded noise: the spread over seeds of
the records that lie beside this one. Where there are none, only the metric's own tolerance is allowed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import Compare, Frozen
from gexbench.errors import PlanError
from gexbench.plan import Plan
from gexbench.record import LibraryScore, RunRecord, Score, less, read_record


class Difference(Frozen):
    """One score of the record and of the second run; they agree when they lie within `tolerance` of each other."""

    metric: str
    compare: Compare
    test: str
    recorded: float
    again: float | None
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the second value lies within the tolerance of the first."""
        return self.again is not None and (
            self.recorded == self.again or math.isclose(self.recorded, self.again, rel_tol=0, abs_tol=self.tolerance)
        )


class ReferenceDifference(Frozen):
    """One score of the record, the same of the second run, and what another library makes of that run's images.

    difference: the second run's less the library's.
    """

    metric: str
    compare: Compare
    test: str
    recorded: float
    again: float
    reference: float
    difference: float
    library: str
    version: str


class Verdict(Frozen):
    """Whether a record's scores came out again; `references` are of other libraries and decide nothing."""

    record: str
    agrees: bool
    changed: tuple[str, ...]
    differences: tuple[Difference, ...]
    references: tuple[ReferenceDifference, ...] = ()

    def lines(self) -> list[str]:
        """Return the verdict as lines for a person."""
        rows = [
            f"{'✓' if d.agrees else '✗'} {d.compare} {d.metric:10} {d.test:10} recorded {d.recorded:.6g}  "
            f"again {'—' if d.again is None else format(d.again, '.6g')}  tolerance {d.tolerance:g}"
            for d in self.differences
        ]
        rows += [
            f"= {r.compare} {r.metric:10} {r.test:10} recorded {r.recorded:.8g}  again {r.again:.8g}  "
            f"reference {r.reference:.8g}  difference {r.difference:.1e}  by {r.library} {r.version}"
            for r in self.references
        ]
        notes = [f"note: {text}" for text in self.changed]
        return [*rows, *notes, f"record {self.record}: {'agrees' if self.agrees else 'does NOT agree'}"]


def verify_record(path: Path, out: Path, folders: tuple[Path, ...], tick: Callable[[str, int, int], None]) -> Verdict:
    """Run a record's plan again below `out`; raises PlanError when the cards here are not the record's."""
    from gexbench.bench import run_plan

    file = path / "record.json" if path.is_dir() else path
    record = read_record(file)
    catalog = Catalog.load(folders)
    again = run_plan(current_plan(record.plan, catalog), catalog, out, tick)
    differences = tuple(compare(record, again, beside(record, file)))
    agrees = record.status == again.status and all(d.agrees for d in differences)
    return Verdict(record=record.id, agrees=agrees, changed=tuple(_changed(record, again)), differences=differences)


def current_plan(plan: Plan, catalog: Catalog) -> Plan:
    """Return the record's plan for the code that is here; raises PlanError when a card or a victim differs."""
    from gexbench.bench import identify
    from gexbench.plan import Request, resolve

    request = Request(
        plan.task.name,
        plan.attack.name,
        plan.defense.name if plan.defense else None,
        plan.profile.name,
        str(plan.budget),
        plan.seed,
        isolation=plan.isolation,
        device=plan.device,
        deadline=plan.deadline,
        victim=plan.victim.name,
        dataset=plan.dataset.name,
    )
    here = resolve(request, catalog, identify(request, catalog))
    wanted = plan.model_copy(update={"code": here.code})
    now = here.model_copy(update={"options": plan.options, "defense_options": plan.defense_options})
    ours, theirs = now.substance(), wanted.substance()
    for name in theirs:
        if ours[name] != theirs[name]:
            raise PlanError(
                f"the record's {name} is not what is here", "install the version of gexbench it was made with"
            )
    return wanted


def beside(record: RunRecord, file: Path) -> list[RunRecord]:
    """Return the records in the same folder that differ from this one in the seed alone, this one included."""
    others = [read_record(path) for path in sorted(file.parent.glob("*.json")) if path.name != "plan.json"]
    return [other for other in others if _seedless(other.plan) == _seedless(record.plan)]


def _seedless(plan: Plan) -> dict[str, Any]:
    return {**plan.substance(), "seed": 0, "code": ""}


def compare(record: RunRecord, again: RunRecord, seeds: Iterable[RunRecord]) -> list[Difference]:
    """Return the scores of both runs side by side.

    The tolerance is three standard deviations over `seeds`, and at least the metric's own.
    """
    own, runs = {card.name: card.tolerance for card in record.plan.metrics}, list(seeds)
    second = {(s.metric, s.compare, s.test): s.value for s in again.scores}
    return [
        Difference(
            metric=s.metric,
            compare=s.compare,
            test=s.test,
            recorded=s.value,
            again=second.get((s.metric, s.compare, s.test)),
            tolerance=max(own[s.metric], 3 * _spread(runs, s)),
        )
        for s in record.scores
    ]


def beside_libraries(
    record: RunRecord, again: RunRecord, told: Iterable[LibraryScore]
) -> tuple[ReferenceDifference, ...]:
    """Return the scores of both runs beside what other libraries made of the second run's images."""
    first, second = ({(s.metric, s.compare, s.test): s.value for s in run.scores} for run in (record, again))
    return tuple(
        ReferenceDifference(
            metric=each.metric,
            compare=each.compare,
            test=each.test,
            recorded=first[place],
            again=second[place],
            reference=each.value,
            difference=less(second[place], each.value),
            library=each.library,
            version=each.version,
        )
        for each in told
        if (place := (each.metric, each.compare, each.test)) in first and place in second
    )


def _spread(runs: list[RunRecord], score: Score) -> float:
    found = (run.score(score.metric, score.compare, score.test) for run in runs)
    values = [value for value in found if value is not None and math.isfinite(value)]
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _changed(record: RunRecord, again: RunRecord) -> list[str]:
    then, now = record.provenance, again.provenance
    pairs = {
        "code": (then.code, now.code),
        "processor": (then.processor, now.processor),
        "precision": (then.precision, now.precision),
        "threads": (then.threads, now.threads),
    }
    pairs |= {name: (version, now.libraries.get(name)) for name, version in then.libraries.items()}
    return [f"{name} was {a}, is {b}" for name, (a, b) in pairs.items() if a != b]
