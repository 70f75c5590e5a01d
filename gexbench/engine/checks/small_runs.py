"""Two small runs of a plug-in through the real engine, and what they show."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from gexbench.cards.catalog import Catalog
from gexbench.cards.options import effective
from gexbench.cards.schema import AttackCard, DefenseCard
from gexbench.engine.checks.inspect import code_folder, culprit
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.machine.moments import moments_of
from gexbench.engine.run.execute import Beside, execute
from gexbench.engine.run.prepare_defense import Trial, offline, prepared
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import Journal
from gexbench.engine.store.prepared import Artefact
from gexbench.engine.wire.inspecting import Inspect
from gexbench.errors import GexbenchError, RunFailed
from gexbench.plan import Plan
from gexbench.record import RunRecord

QUESTIONS, DEADLINE = 16, 120.0
IMAGES = 8
"""How many of the owner's images a defense is prepared from."""
KEY = bytes(range(32))
"""What both runs of a defense have for a key, so that they can answer alike."""
PROFILE, OWN_OPTIONS = "mini", "check"
"""The scale of the small runs, and the card's table of options for them: `[attack.profile.check]`."""

Subject = AttackCard | DefenseCard


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. subject: the card's name, or the path where there is none; detail: why, or what."""

    subject: str
    what: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Inspected:
    """What the small runs of one subject need."""

    subject: Subject
    catalog: Catalog
    plan: Plan
    folder: Path

    def finding(self, what: str, passed: bool, detail: str) -> Finding:
        """Return a finding about the subject."""
        return Finding(self.subject.name, what, passed, detail)

    @property
    def order(self) -> Inspect:
        """Return the order to look at the subject's code."""
        attack, card = isinstance(self.subject, AttackCard), self.subject
        root = self.catalog.filed(AttackCard if attack else DefenseCard, card.name).root
        return Inspect(
            role="attack" if attack else "defense",
            kind=self.plan.task.kind,
            entry=card.entry or "",
            code=root.code,
            options=self.plan.options if attack else self.plan.defense_options,
            scale=self.plan.task.scale,
            prepares=not attack and getattr(card, "prepares", False),
        )

    def culprit(self, run: str) -> str:
        """Return where in the subject's code the last traceback of a run lies; see inspect.culprit."""
        folder, code = self.folder / run, code_folder(self.order)
        return culprit(folder, code) or culprit(folder, code and RunFolder(folder).code / self.order.role / code.name)


def shrunk(plan: Plan, subject: Subject) -> Plan:
    """Return a plan with few questions, test images and metrics, and the card's own options; attacks get less time.

    Options are the defaults, changed as `[profile.mini]`, then `[profile.check]` say. Raises PlanError for a bad one.
    """
    override = {**subject.profile.get(PROFILE, {}), **subject.profile.get(OWN_OPTIONS, {})}
    options = effective(subject.options, override, (), f"{subject.name!r} in [profile.{OWN_OPTIONS}]")
    wanted = (plan.task.main.metric, *plan.task.costs[:1])
    metrics = tuple(metric for metric in plan.metrics if metric.name in wanted and not metric.assets)
    small = task_kind(plan.task.kind).shrunk(plan)
    changed = {"budget": min(QUESTIONS, plan.budget), "metrics": metrics}
    if isinstance(subject, AttackCard):
        return small.model_copy(update={**changed, "deadline": DEADLINE, "options": options})
    return small.model_copy(update={**changed, "defense_options": options})


def attack_runs(inspected: Inspected) -> Iterator[Finding]:
    """Run an attack twice with one seed and yield what that shows."""
    first = _run(inspected, "first")
    yield from judged(inspected, first)
    if first.status == "ok":
        yield inspected.finding("same seed", *agreement(first, _run(inspected, "second")))
    tried = "; ".join(first.incidents)
    yield inspected.finding("global state", not tried, tried or f"left as it was (isolation: {first.isolation})")


def judged(inspected: Inspected, record: RunRecord) -> Iterator[Finding]:
    """Yield what one run of an attack shows: it hands something back, within budget, that can be kept and works."""
    account, returned, kept = record.account, "save" in record.seconds, "evidence" in record.seconds
    reason = record.reason + inspected.culprit("first")
    late = f"; give it less to do in [profile.{OWN_OPTIONS}] on its card" if reason.endswith("its deadline") else ""
    done = f"returned a surrogate {record.seconds.get('extract', 0.0):.1f} s after the service was ready"
    yield inspected.finding("extract", returned, done if returned else reason + late)
    within = f"{account.answered} of {account.budget} questions answered, none refused"
    beyond = f"{account.refused} images were refused: over the budget of {account.budget}, or of a size nobody takes"
    yield inspected.finding("budget", not account.refused, beyond if account.refused else within)
    if returned:
        yield inspected.finding("kept", kept, "is built anew from class, config and weights alone" if kept else reason)
    if kept:
        works = "answers after the oracle has closed, with images of the right size in [0,1]"
        yield inspected.finding("surrogate", record.status == "ok", works if record.status == "ok" else reason)


def agreement(first: RunRecord, second: RunRecord) -> tuple[bool, str]:
    """Say whether two runs of one plan gave the same surrogate: equal scores, and equal weights where it has any."""
    if second.status != "ok":
        return False, f"the second run failed: {second.reason}"
    advice = "draw from brief.generator alone"
    if _numbers(first) != _numbers(second):
        return False, f"two runs with one seed gave surrogates that score differently; {advice}"
    if first.surrogate_sha256 != second.surrogate_sha256:
        return False, f"two runs with one seed gave surrogates with different weights; {advice}"
    return True, "two runs with one seed gave the same surrogate"


def prepared_twice(inspected: Inspected) -> Generator[Finding, None, Path | None]:
    """Prepare a defense twice on a few images and yield what that shows; returns the file, None where there is none."""
    made: list[Artefact] = []
    for name in ("prepared", "prepared-again"):
        given = offline(inspected.plan, inspected.catalog, Trial(inspected.folder / name, IMAGES))
        try:
            artefact = prepared(given, Journal(lambda what, done, total: None))
        except RunFailed as error:
            yield inspected.finding("prepare", False, str(error) + _culprit_offline(inspected, name))
            return None
        made += [artefact] if artefact else []
    passport, again = made[0].passport, made[1].passport
    size = made[0].file.stat().st_size
    yield inspected.finding("prepare", True, f"{size} bytes of {IMAGES} images in {passport.seconds:.1f} s")
    alike = passport.sha256 == again.sha256
    how = "the same bits" if alike else "other bits; draw from a generator of place.seed alone"
    yield inspected.finding("prepare again", alike, f"prepared twice, it gave {how}")
    return made[0].file


def _culprit_offline(inspected: Inspected, name: str) -> str:
    code, log = code_folder(inspected.order), next((inspected.folder / name).glob("*/log.txt"), None)
    return "" if log is None else culprit(log.parent, code and log.parent / "given" / "code" / code.name)


def defense_runs(inspected: Inspected) -> Iterator[Finding]:
    """Open a service behind a defense twice with one seed and yield what that shows."""
    first = _defended_run(inspected, "first")
    if isinstance(first, str):
        yield inspected.finding("run", False, first)
        return
    cost = ", ".join(f"{cost.metric} {cost.value:.4g} {cost.unit}".strip() for cost in first.honest_cost)
    told = f"what it costs honest users: {cost or 'not measured on so few images'}"
    yield inspected.finding("run", True, f"a service behind it answers; {told}")
    yield from _claims(inspected, first)
    second = _defended_run(inspected, "second")
    same = not isinstance(second, str) and _numbers(first) == _numbers(second)
    yield inspected.finding(
        "same seed", same, f"two services with one seed answered {'alike' if same else 'differently'}"
    )


def _claims(inspected: Inspected, record: RunRecord) -> Iterator[Finding]:
    """Yield what a defense concluded of its own answers, and of plain ones; few images may tell too little."""
    card, order = inspected.subject, inspected.order
    if record.ownership is not None:
        found = record.ownership
        alike = "" if found.sane else ", which are not told apart on so few images"
        scores = f"marked answers score {found.marked.score:.4g}, plain ones {found.plain.score:.4g}"
        yield inspected.finding("claim", True, f"{scores}{alike}")
    elif isinstance(card, DefenseCard) and "claim" in moments_of(card.entry, order.code):
        yield inspected.finding("claim", False, "the class has a claim, and its card does not say claims = true")


def _defended_run(inspected: Inspected, name: str) -> RunRecord | str:
    """Return a run's record, or why it failed; raises GexbenchError only where the machine is to blame."""
    try:
        record = _run(inspected, name)
        return record.reason + inspected.culprit(name) if record.status == "failed" else record
    except GexbenchError as error:
        if error.exit_code in (4, 5):
            raise
        return f"{error}{inspected.culprit(name)}"


def _run(inspected: Inspected, name: str) -> RunRecord:
    folder = inspected.folder / name
    if isinstance(inspected.subject, DefenseCard):
        RunFolder(folder).take("key", KEY)
        RunFolder(folder).take("secret", KEY)
    trial = Trial(inspected.folder / "prepared", IMAGES)
    beside = Beside(trial=trial)
    return execute(inspected.plan, inspected.catalog, folder, lambda what, done, total: None, beside)


def _numbers(record: RunRecord) -> list[float]:
    claims = [] if record.ownership is None else [record.ownership.marked.score, record.ownership.plain.score]
    return [score.value for score in record.scores] + [cost.value for cost in record.honest_cost] + claims


def told(error: GexbenchError) -> str:
    """Return an error and its hint as one line."""
    return " ".join((f"{error}; {error.hint}" if error.hint else str(error)).split())
