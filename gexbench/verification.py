"""Running a record's plan again, and comparing.

Training is not bit-equal across machines, so where the second run's training did not come out the same, numbers that
depend on it are held against the noise of the row: its other seeds, from the records that lie beside this one. All
other numbers may be off by the metric's own tolerance, measured across processors.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from gexbench import bench
from gexbench.boards.accept import rules
from gexbench.cards.catalog import Catalog
from gexbench.cards.fields import Compare, Frozen
from gexbench.cards.prose import differing
from gexbench.cards.schema import MetricCard
from gexbench.errors import PlanError
from gexbench.neighbours import Neighbours, around
from gexbench.noise import Held, Noise, Numbers, Place, Usual, Where
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
    would have been needed to compare the two, and what fetches it; "" where nothing was.
    of_recorded, of_again: where noise of training may lie between the two, what is expected of each by the row's other
    seeds and the other of the two; then they also agree when each lies there.
    """

    metric: str
    compare: Where
    test: str
    recorded: float | None
    again: float | None
    tolerance: float
    lacking: str = ""
    of_recorded: Usual | None = None
    of_again: Usual | None = None

    @property
    def agrees(self) -> bool:
        """Whether both are there, and near each other or each where it is expected."""
        if self.recorded is None or self.again is None:
            return False
        if math.isclose(self.recorded, self.again, rel_tol=0, abs_tol=self.tolerance):
            return True
        pairs = ((self.recorded, self.of_recorded), (self.again, self.of_again))
        return all(e is not None and abs(value - e.mean) <= e.tolerance for value, e in pairs)

    def lacks(self, why: str) -> Difference:
        """Return the same with what it lacks, where that is something."""
        return self.model_copy(update={"lacking": why}) if why else self

    def line(self) -> str:
        """Return it as a line for a person."""
        head = f"{'✓' if self.agrees else '?' if self.lacking else '✗'} {self.compare} {self.metric:10} {self.test:10} "
        if self.of_recorded is None or self.of_again is None:
            return f"{head}recorded {_told(self.recorded)}  again {_told(self.again)}  tolerance {self.tolerance:g}"
        first, second = (f"({_told(e.mean)} ± {e.tolerance:.2g})" for e in (self.of_recorded, self.of_again))
        return f"{head}recorded {_told(self.recorded)} {first}  again {_told(self.again)} {second}"


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
        rows = [difference.line() for difference in self.differences]
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


Way = Literal["again", "libraries", "rescore"]


def verify_record(
    path: Path,
    out: Path,
    folders: tuple[Path, ...],
    progress: Callable[[str, int, int], None],
    way: Way = "again",
    victim: str | None = None,
) -> Verdict:
    """Run a record's plan again below `out`; raises PlanError when the cards here are not the record's.

    Where test images are drawn by code, anybody can draw them beforehand. So the second run is scored on other draws
    too, under names that nobody knows, and a record agrees only if its main score does not depend on the draw. A run
    that was ended on the way is gone on with, one that is finished is not taken for another.
    victim: where a user's own lies, a file, an address or a card, unless it lies in `folders`.
    way "libraries": the scores of the second run are computed by other libraries too. Its images are not kept, so it
    then runs in a folder of its own, which is removed. way "rescore": nothing is run; the scores are computed anew from
    the answers that the record's run kept beside it. That checks the scores and not the run.
    """
    file = record_file(path)
    record = read_record(file)
    catalog = Catalog.load(folders)
    bench.adopt_victim(victim, record.plan, catalog)
    again, told = (
        _rescored(record, file, catalog, progress)
        if way == "rescore"
        else _run_again(record, catalog, out, progress, way == "libraries")
    )
    again, redrawn = _apart(again)
    late = _late(record, again)
    if late:
        again = again.model_copy(update={"absent": {card.name: late for card in record.plan.metrics}})
    differences = tuple(compare(record, again, around(record, file, catalog), way != "rescore"))
    parts: tuple[Difference | Redrawn, ...] = (*differences, *redrawn)
    return Verdict(
        record=record.id,
        seal=record.seal,
        outcome=_outcome(parts) if late or _end(record) == _end(again) else "differs",
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

    here, told = current_plan(record.plan, catalog), list[LibraryScore]()
    plan = here.model_copy(update={"isolation": "auto"})  # a record has no say in whether foreign code is sandboxed
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


def _rescored(
    record: RunRecord, file: Path, catalog: Catalog, progress: Callable[[str, int, int], None]
) -> tuple[RunRecord, list[LibraryScore]]:
    from gexbench.engine.run.rescore import rescored

    plan = current_plan(record.plan, catalog)
    bare = record.model_copy(update={"plan": plan, "scores": (), "honest_cost": (), "queried_cost": (), "absent": {}})
    return rescored(bare, catalog, file.parent, progress, plan.measured), []


def _apart(again: RunRecord) -> tuple[RunRecord, tuple[Redrawn, ...]]:
    """Return a second run without what it scored on draws of its own, and its main score on these."""
    own = tuple(score for score in again.scores if not score.test.startswith(REDRAWN))
    costs = tuple(cost for cost in again.honest_cost if not cost.test.startswith(REDRAWN))
    values, main = numbers_of(again), again.plan.task.main.metric
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

    Its options are taken as they stand: bounds that a card got since are no matter. Its task and metrics are the cards
    that are here: those of before do not bound a question, and a record does not say itself how far it may be off. Of a
    task of an earlier version, which boards take where its rules are the same, what the record measured is measured.
    """
    from gexbench.plan import resolve
    from gexbench.plan_file import difference

    request = replace(plan.request(), settings=(), defense_settings=())
    here = _measuring(plan, resolve(request, catalog, bench.identify(request, catalog)), catalog)
    wanted = plan.model_copy(update={"code": here.code})
    now = here.model_copy(update={"options": plan.options, "defense_options": plan.defense_options})
    unlike = difference(wanted, now)
    if unlike:
        raise PlanError(f"the record's {unlike}", "install the version of gexbench it was made with")
    return wanted.model_copy(update={"task": here.task, "metrics": here.metrics})


def _measuring(plan: Plan, here: Plan, catalog: Catalog) -> Plan:
    """Return today's plan with the metrics of a plan whose task is of an earlier version with the same rules."""
    name, same = plan.profile.name, (rules(plan.task, plan.profile.name), rules(here.task, plan.profile.name))
    if plan.task.version >= here.task.version or name not in plan.task.profile or differing(*same):
        return here
    scale = here.scale.model_copy(update={"extra_metrics": plan.scale.extra_metrics})
    lists = {"version": plan.task.version, "metrics": plan.task.metrics, "profile": {**here.task.profile, name: scale}}
    metrics = tuple(catalog.get(MetricCard, card.name) for card in plan.metrics)
    return here.model_copy(update={"task": here.task.model_copy(update=lists), "metrics": metrics})


def compare(record: RunRecord, again: RunRecord, neighbours: Neighbours, trained: bool = True) -> list[Difference]:
    """Return the numbers of both runs side by side, those that only one of them has too.

    trained: whether the second run trained a surrogate anew. Where it did and its training did not come out the same,
    numbers that depend on it are held against the noise of the row.
    """
    first, second = numbers_of(record), numbers_of(again)
    if not record.queried_cost:  # a record of before there was such a cost
        second = {place: value for place, value in second.items() if place[1] != "queried"}
    own = {card.name: card.tolerance for card in again.plan.metrics}
    held = Held()
    if trained and record.surrogate_sha256 != again.surrogate_sha256:
        others = Noise([[numbers_of(run) for run in row] for row in neighbours.rows], own)
        held = others.held(first, second, [numbers_of(run) for run in neighbours.seeds])
    measured = {place[0] for place in second}
    absent = {name: why for name, why in again.absent.items() if name not in measured}
    return [
        difference_between(place, first, second, held, own).lacks(absent.get(place[0], "") if place in first else "")
        for place in dict.fromkeys((*first, *second))
    ]


def difference_between(
    place: Place, first: Numbers, second: Numbers, held: Held, own: Mapping[str, float]
) -> Difference:
    """Return one number of two runs side by side, with what noise allows and the metrics' own tolerances."""
    return Difference(
        metric=place[0],
        compare=place[1],
        test=place[2],
        recorded=first.get(place),
        again=second.get(place),
        tolerance=own[place[0]],
        lacking=held.lacking.get(place, ""),
        of_recorded=held.recorded.get(place),
        of_again=held.again.get(place),
    )


Places = dict[Place, float]


def numbers_of(run: RunRecord) -> Places:
    """Return scores and honest costs by metric, comparison and test split."""
    scores: Places = {(s.metric, s.compare, s.test): s.value for s in run.scores}
    honest: Places = {(c.metric, "honest", c.test): c.value for c in run.honest_cost}
    return scores | honest | {(c.metric, "queried", c.test): c.value for c in run.queried_cost}


def _outcome(parts: Iterable[Difference | Redrawn]) -> Outcome:
    unlike = [each for each in parts if not each.agrees]
    if any(isinstance(each, Redrawn) or not each.lacking for each in unlike):
        return "differs"
    return "cannot be compared" if unlike else "agrees"


def _late(record: RunRecord, again: RunRecord) -> str:
    """Say that the second run only was too slow here, which says nothing of the record; "" where it was not."""
    late = record.status == "ok" and again.status == "failed" and again.seconds.get("extract", 0) >= again.plan.deadline
    return f"a machine on which the attack ends in time: {again.reason}" if late else ""


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


def _ended(run: RunRecord) -> str:
    return f"{run.status}: {run.reason}" if run.reason else run.status


def _verdict(run: RunRecord) -> str:
    """Return what was found of who owns the surrogate; scores hang on a key that each run has of its own."""
    if run.ownership is None:
        return "none"
    return f"{'detected' if run.ownership.detected else 'not detected'}{'' if run.ownership.sane else ', not sane'}"


def _changed(record: RunRecord, again: RunRecord) -> list[str]:
    then, now = record.provenance, again.provenance
    pairs: dict[str, tuple[object, object]] = {
        "status": (_ended(record), _ended(again)),
        "questions answered": (record.account.answered, again.account.answered),
        "verdict on ownership": (_verdict(record), _verdict(again)),
        "code": (then.code, now.code),
        "processor": (then.processor, now.processor),
        "precision": (then.precision, now.precision),
        "what the defense prepared": (record.prepared_sha256, again.prepared_sha256),
        "threads": (then.threads, now.threads),
    }
    pairs |= {name: (version, now.libraries.get(name)) for name, version in then.libraries.items()}
    return [f"{name} was {a}, is {b}" for name, (a, b) in pairs.items() if a != b]
