"""Running a record's plan again, and comparing.

Training is not bit-equal across machines, so a second run is held against the recorded noise: the spread over seeds of
the records that lie beside this one. Where there are none, only the metric's own tolerance is allowed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import Compare, Frozen
from gexbench.errors import PlanError
from gexbench.plan import Plan
from gexbench.record import REDRAWN, LibraryScore, RunRecord, Score, less, read_record, record_file

if TYPE_CHECKING:
    from gexbench.engine.kinds.evidence import TestEvidence

REDRAWS = 5
"""How often the tests of a drawn data set are drawn anew in the second run."""
_T = 4.604
"""The 99.5 % quantile of Student's t with four degrees of freedom."""


class Difference(Frozen):
    """One number of the record and of the second run; they agree when they lie within `tolerance` of each other.

    compare: "honest" is what a defense costs honest users, "queried" the same on what the attack asked. lacking: what
    the second run would have needed to measure what the record has, and what fetches it; "" where it lacked nothing.
    """

    metric: str
    compare: Compare | Literal["honest", "queried"]
    test: str
    recorded: float | None
    again: float | None
    tolerance: float
    lacking: str = ""

    @property
    def agrees(self) -> bool:
        """Whether both are there and the second lies within the tolerance of the first."""
        if self.recorded is None or self.again is None:
            return False
        return math.isclose(self.recorded, self.again, rel_tol=0, abs_tol=self.tolerance)


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


class Redrawn(Frozen):
    """The main score of the second run on the test images that everybody can draw, and on others that nobody could.

    mean, spread: over the draws, the spread a standard deviation. Both agree when the score lies where one more draw
    would with 99 % probability, by Student's t.
    """

    metric: str
    compare: Compare
    test: str
    value: float
    mean: float
    spread: float

    @property
    def agrees(self) -> bool:
        """Whether the score is one that other test images could have given."""
        return self.value == self.mean or abs(self.value - self.mean) <= _T * self.spread * math.sqrt(1 + 1 / REDRAWS)


Outcome = Literal["agrees", "differs", "cannot be compared"]


class Verdict(Frozen):
    """Whether a record's scores came out again; `references` are of other libraries and decide nothing.

    outcome: "cannot be compared" where nothing differs, but something could not be measured here.
    """

    record: str
    seal: str
    outcome: Outcome
    changed: tuple[str, ...]
    differences: tuple[Difference, ...]
    redrawn: tuple[Redrawn, ...] = ()
    references: tuple[ReferenceDifference, ...] = ()

    def lines(self) -> list[str]:
        """Return the verdict as lines for a person."""
        rows = [
            f"{'✓' if d.agrees else '?' if d.lacking else '✗'} {d.compare} {d.metric:10} {d.test:10} "
            f"recorded {_told(d.recorded)}  again {_told(d.again)}  tolerance {d.tolerance:g}"
            for d in self.differences
        ]
        rows += [
            f"= {r.compare} {r.metric:10} {r.test:10} recorded {r.recorded:.8g}  again {r.again:.8g}  "
            f"reference {r.reference:.8g}  difference {r.difference:.1e}  by {r.library} {r.version}"
            for r in self.references
        ]
        rows += [
            f"{'✓' if r.agrees else '✗'} {r.compare} {r.metric:10} {r.test:10} again    {_told(r.value)}  "
            f"on {REDRAWS} other draws of the test {_told(r.mean)} ± {_told(r.spread)}"
            for r in self.redrawn
        ]
        notes = [f"note: {text}" for text in self.changed]
        lacking = [f"missing: {text}" for text in dict.fromkeys(d.lacking for d in self.differences if d.lacking)]
        return [*rows, *notes, *lacking, f"record {self.record}: {self.outcome}"]


def _told(value: float | None) -> str:
    return "—" if value is None else format(value, ".6g")


def verify_record(
    path: Path, out: Path, folders: tuple[Path, ...], progress: Callable[[str, int, int], None], libraries: bool = False
) -> Verdict:
    """Run a record's plan again below `out`; raises PlanError when the cards here are not the record's.

    Where test images are drawn by code, anybody can draw them beforehand. So the second run is scored on other draws
    too, under names that nobody knows, and a record agrees only if its main score does not depend on the draw. A run
    that was ended on the way is gone on with, one that is finished is not taken for another.
    libraries: compute the scores of the second run by other libraries too. Its images are not kept, so it then runs in
    a folder of its own, which is removed.
    """
    file = record_file(path)
    record = read_record(file)
    catalog = Catalog.load(folders)
    again, told = _run_again(record, catalog, out, progress, libraries)
    again, redrawn = _apart(again)
    differences = tuple(compare(record, again, beside(record, file)))
    parts: tuple[Difference | Redrawn, ...] = (*differences, *redrawn)
    return Verdict(
        record=record.id,
        seal=record.seal,
        outcome=_outcome(parts) if _end(record) == _end(again) else "differs",
        changed=tuple(_changed(record, again)),
        differences=differences,
        redrawn=redrawn,
        references=beside_libraries(record, again, told),
    )


def _run_again(
    record: RunRecord, catalog: Catalog, out: Path, progress: Callable[[str, int, int], None], libraries: bool
) -> tuple[RunRecord, list[LibraryScore]]:
    from gexbench.engine.run.execute import Beside, execute
    from gexbench.engine.scoring.reference import Libraries, of_evidence
    from gexbench.files import new_folder, writing

    plan, told = current_plan(record.plan, catalog), list[LibraryScore]()
    if not libraries:
        free = new_folder(out) if (out / plan.run_name / "record.json").exists() else out
        return execute(plan, catalog, free / plan.run_name, progress, Beside(redraws=REDRAWS)), told
    others = Libraries(catalog, plan.device)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix="reference-", dir=out)
    with folder as place:

        def look(tests: Mapping[str, TestEvidence]) -> None:
            recorded = {name: evidence for name, evidence in tests.items() if not name.startswith(REDRAWN)}
            told.extend(of_evidence(record, recorded, others, progress)[0])

        return execute(plan, catalog, Path(place) / plan.run_name, progress, Beside(look, REDRAWS)), told


def _apart(again: RunRecord) -> tuple[RunRecord, tuple[Redrawn, ...]]:
    """Return a second run without what it scored on draws of its own, and its main score on these."""
    own = tuple(score for score in again.scores if not score.test.startswith(REDRAWN))
    costs = tuple(cost for cost in again.honest_cost if not cost.test.startswith(REDRAWN))
    values, main = _numbers(again), again.plan.task.main.metric
    found = []
    for score in own:
        places = [(main, score.compare, f"{REDRAWN}-{number}-{score.test}") for number in range(1, REDRAWS + 1)]
        if score.metric == main and score.compare != "A" and all(place in values for place in places):
            found.append(_redrawn(score, [values[place] for place in places]))
    return again.model_copy(update={"scores": own, "honest_cost": costs}), tuple(found)


def _redrawn(score: Score, values: list[float]) -> Redrawn:
    whole = all(map(math.isfinite, values))
    mean, spread = (statistics.fmean(values), statistics.stdev(values)) if whole else (max(values), 0.0)
    return Redrawn(
        metric=score.metric, compare=score.compare, test=score.test, value=score.value, mean=mean, spread=spread
    )


def current_plan(plan: Plan, catalog: Catalog) -> Plan:
    """Return the record's plan for the code that is here; raises PlanError when a card or a victim differs.

    Its options are taken as they stand: bounds that a card got since are no matter. Its metrics are the cards that are
    here, since a record does not say itself how far it may be off.
    """
    from gexbench.bench import identify
    from gexbench.plan import resolve
    from gexbench.plan_file import difference

    request = replace(plan.request(), settings=(), defense_settings=())
    here = resolve(request, catalog, identify(request, catalog))
    wanted = plan.model_copy(update={"code": here.code})
    now = here.model_copy(update={"options": plan.options, "defense_options": plan.defense_options})
    unlike = difference(wanted, now)
    if unlike:
        raise PlanError(f"the record's {unlike}", "install the version of gexbench it was made with")
    return wanted.model_copy(update={"metrics": here.metrics})


def beside(record: RunRecord, file: Path) -> list[RunRecord]:
    """Return the records in the same folder that differ from this one in the seed alone, this one included."""
    others = [read_record(path) for path in sorted(file.parent.glob("*.json")) if path.name != "plan.json"]
    return [other for other in others if _seedless(other.plan) == _seedless(record.plan)]


def _seedless(plan: Plan) -> dict[str, Any]:
    return {**plan.substance(), "seed": 0, "code": ""}


def compare(record: RunRecord, again: RunRecord, seeds: Iterable[RunRecord]) -> list[Difference]:
    """Return the numbers of both runs side by side, those that only one of them has too.

    The tolerance is three standard deviations over `seeds`, and at least the metric's own on the second run's card.
    """
    own, others = {card.name: card.tolerance for card in again.plan.metrics}, [_numbers(run) for run in seeds]
    first, second = _numbers(record), _numbers(again)
    if not record.queried_cost:  # a record of before there was such a cost
        second = {place: value for place, value in second.items() if place[1] != "queried"}
    measured = {place[0] for place in second}
    lacking = {name: why for name, why in again.absent.items() if name not in measured}
    return [
        Difference(
            metric=place[0],
            compare=place[1],
            test=place[2],
            recorded=first.get(place),
            again=second.get(place),
            tolerance=max(own[place[0]], 3 * _spread(numbers.get(place) for numbers in others)),
            lacking=lacking.get(place[0], "") if place in first else "",
        )
        for place in dict.fromkeys((*first, *second))
    ]


Places = dict[tuple[str, Compare | Literal["honest", "queried"], str], float]


def _numbers(run: RunRecord) -> Places:
    """Return scores and honest costs by metric, comparison and test split."""
    scores: Places = {(s.metric, s.compare, s.test): s.value for s in run.scores}
    honest: Places = {(c.metric, "honest", c.test): c.value for c in run.honest_cost}
    return scores | honest | {(c.metric, "queried", c.test): c.value for c in run.queried_cost}


def _outcome(parts: Iterable[Difference | Redrawn]) -> Outcome:
    unlike = [each for each in parts if not each.agrees]
    if any(isinstance(each, Redrawn) or not each.lacking for each in unlike):
        return "differs"
    return "cannot be compared" if unlike else "agrees"


def _end(run: RunRecord) -> tuple[str, int]:
    """Return how a run ended, and how many images were paid for."""
    return run.status, run.account.answered


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


def _spread(found: Iterable[float | None]) -> float:
    values = [value for value in found if value is not None and math.isfinite(value)]
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _changed(record: RunRecord, again: RunRecord) -> list[str]:
    then, now = record.provenance, again.provenance
    pairs: dict[str, tuple[object, object]] = {
        "status": (record.status, again.status),
        "questions answered": (record.account.answered, again.account.answered),
        "code": (then.code, now.code),
        "processor": (then.processor, now.processor),
        "precision": (then.precision, now.precision),
        "threads": (then.threads, now.threads),
    }
    pairs |= {name: (version, now.libraries.get(name)) for name, version in then.libraries.items()}
    return [f"{name} was {a}, is {b}" for name, (a, b) in pairs.items() if a != b]
