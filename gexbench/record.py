"""The record of one run: everything needed to believe it or to doubt it."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from gexbench.cards.fields import Compare, Frozen, Label, Name, Sha256
from gexbench.cards.own import is_remote
from gexbench.errors import BoardError, PlanError, nearest
from gexbench.file_kinds import HEAD, kind_of
from gexbench.files import read_bounded
from gexbench.foreign_text import shown
from gexbench.ownership import Ownership
from gexbench.plan import LARGEST_SEED, Plan

QUERIED, QUERIES = "queried", "queries"
"""The comparison of defended with undefended answers on what an attack asked, and its test."""
LARGEST_FILE = 16 << 20
"""Bytes of a record's file; those that runs leave have some fifty thousand."""
REDRAWN = "redrawn"
"""How the names of test splits begin whose images were drawn for one run alone."""
Count = Annotated[int, Field(ge=0)]
Images = Annotated[int, Field(ge=1)]
Deviation = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Told = Annotated[str, BeforeValidator(lambda it: it.encode(errors="replace").decode() if isinstance(it, str) else it)]
"""What foreign code said, which may hold halves of surrogates; no file could be written with them."""
RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class Passport(Frozen):
    """The full recipe of a number: two scores may stand in one column only when their passports are equal."""

    metric: str
    version: int
    implementation: str
    settings: dict[str, bool | int | float | str]
    preprocessing: str
    precision: str
    weights: dict[str, str]


class Floor(Frozen):
    """A metric between two disjoint halves of the reference, `n` images each: what equal sources score."""

    value: float
    n: Images


class Score(Frozen):
    """One number. compare: A victim against truth, B surrogate against victim, C surrogate against truth.

    se: its standard error over the test images, None where it is not known, as in records of before there was one.
    """

    metric: Name
    compare: Compare
    test: Label
    value: float
    unit: str
    higher_is_better: bool
    n: Images
    floor: Floor | None = None
    se: Deviation | None = None
    seed: int
    passport: Passport


class HonestCost(Frozen):
    """What a defense costs who asks: defended answers against undefended ones.

    test: the split that was asked about, or "queries", some of what the attack of the run asked.
    """

    metric: Name
    test: Label
    value: float
    unit: str
    higher_is_better: bool
    n: Images
    passport: Passport


class LibraryScore(Frozen):
    """One number of a run's evidence by another library."""

    metric: Name
    compare: Compare
    test: str
    value: float
    library: str
    version: str


class Account(Frozen):
    """What the ledger says, in images: asked = answered + replayed + refused, and answered is within the budget."""

    budget: Count
    asked: Count = 0
    answered: Count = 0
    replayed: Count = 0
    refused: Count = 0
    sessions: Count = 0

    @model_validator(mode="after")
    def _adds_up(self) -> Account:
        if self.asked != self.answered + self.replayed + self.refused:
            raise ValueError(f"asked {self.asked} is not answered + replayed + refused")
        if self.answered > self.budget:
            raise ValueError(f"{self.answered} answered, and the budget is {self.budget}")
        return self


class Bill(Frozen):
    """What a victim behind an address was asked, over all sessions of a run, questions of the test among it.

    calls: answers that came. watched: those of them that were asked for to see whether it still answers as before.
    tries: requests that were sent; those without an answer may have been charged, too. price: US dollars a call.
    """

    calls: Count
    watched: Count
    tries: Count
    price: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    paid_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _adds_up(self) -> Bill:
        if not self.watched <= self.calls <= self.tries:
            raise ValueError(f"{self.watched} of {self.calls} calls watched, in {self.tries} tries")
        if not math.isclose(self.paid_usd, self.calls * self.price, rel_tol=1e-6, abs_tol=1e-6):
            raise ValueError(f"{self.calls} calls at {self.price:g} are not {self.paid_usd:g}")
        return self


class Nearness(Frozen):
    """How near the questions of a run came to the inputs of a test split; see engine/kinds/near_copies.

    distance: the least, None where nothing could be compared; under 1 counts as near. questions: how many came near;
    images: to how many inputs.
    """

    distance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    questions: Count
    images: Count

    @model_validator(mode="after")
    def _is_of_one_mind(self) -> Nearness:
        near = self.distance is not None and self.distance < 1
        if not near == (self.questions > 0) == (self.images > 0):
            raise ValueError(f"distance {self.distance} with {self.questions} questions near {self.images} images")
        return self


class Provenance(Frozen):
    """Where and with what a run was made."""

    package: str
    code: str
    git: str | None
    dirty: bool | None
    python: str
    libraries: dict[str, str]
    platform: str
    processor: str
    device: str
    precision: str
    threads: Count
    victim_weights: str
    dataset: str


class RunRecord(Frozen):
    """One run, written once. `id` is the plan's; `seal` is the hash of all else and shows an edit.

    surrogate_sha256: over class, config and weights of the surrogate that gave evidence (engine.attacker.kept.digest);
    in records of runs without a config.json, of its file of weights alone. evidence_sha256: of the answers kept beside
    it, None where none were.
    honest_cost: what its defense costs on the test splits; queried_cost: the same on some of what its attack asked.
    ownership: what its defense concludes of the surrogate, where it claims.
    bill: what the user paid a victim behind an address.
    defense_delay: seconds that an answer of the last session waited for the defense, mean over what clients and tests
    asked.
    key_sha256: of the key its defense was given, kept before the attack started; prepared_sha256: of the file of what
    the defense had prepared. None where there is no such thing, as in records of before there was one.
    """

    schema_version: Literal[1] = 1
    id: RunId
    status: Literal["ok", "failed"]
    reason: Told = ""
    incidents: tuple[Told, ...] = ()
    isolation: Literal["landlock", "process", "none"]
    started: str
    plan: Plan
    scores: tuple[Score, ...] = ()
    honest_cost: tuple[HonestCost, ...] = ()
    queried_cost: tuple[HonestCost, ...] = ()
    absent: dict[str, Told] = {}
    account: Account
    nearness: dict[Label, Nearness] = {}
    evidence_sha256: str | None = None
    ownership: Ownership | None = None
    cost_usd: Annotated[float, Field(ge=0)] = 0.0
    bill: Bill | None = None
    seconds: dict[str, Annotated[float, Field(ge=0)]] = {}
    defense_delay: Annotated[float, Field(ge=0)] | None = None
    peak_memory_bytes: dict[str, Count] = {}
    surrogate_sha256: str | None = None
    key_sha256: Sha256 | None = None
    prepared_sha256: Sha256 | None = None
    attack_report: dict[Told, float | int | Told] = {}
    provenance: Provenance
    seal: str = ""

    @property
    def run_name(self) -> str:
        """Return the name of the folder that the run left: the plan's, with the id that it had then."""
        return self.plan.named(self.id)

    def sealed(self) -> RunRecord:
        """Return the record with its seal set."""
        return self.model_copy(update={"seal": seal_of(json.loads(self.model_dump_json()))})

    def score(self, metric: str, compare: Compare, test: str | None = None) -> float | None:
        """Return one number, the mean over test splits when none is named; None when it was not measured.

        Raises PlanError with the nearest names for a metric, comparison or split that the run's plan does not have.
        """
        known = {
            "metric": [card.name for card in self.plan.metrics],
            "comparison": get_args(Compare),
            "test split": {*self.plan.dataset.splits.test, *(s.test for s in self.scores)},
        }
        for (what, names), given in zip(known.items(), (metric, compare, test), strict=True):
            if given is not None and given not in names:
                raise PlanError(f"the run {self.plan.run_name} has no {what} {given!r}", nearest(given, names))
        values = [score.value for score in self._scores(metric, compare, test)]
        return sum(values) / len(values) if values else None

    def error(self, metric: str, compare: Compare, test: str | None = None) -> float | None:
        """Return the standard error over test images of what `score` returns; None where it is not known.

        Splits count as drawn independently.
        """
        errors = [score.se for score in self._scores(metric, compare, test)]
        known = [error for error in errors if error is not None]
        return math.hypot(*known) / len(known) if known and len(known) == len(errors) else None

    def _scores(self, metric: str, compare: Compare, test: str | None) -> list[Score]:
        return [s for s in self.scores if s.metric == metric and s.compare == compare and test in (None, s.test)]

    def __repr__(self) -> str:
        """Return three lines: what was run and how it ended, the main metric's scores, and the account."""
        plan, account = self.plan, self.account
        against = f" against {plan.defense.name}" if plan.defense else ""
        head = f"{plan.attack.name} on {plan.task.name}@{plan.task.version}{against}"
        return (
            f"{head} · {plan.profile.name} · seed {plan.seed} · {self.status}\n"
            f"{shown(' '.join(self.reason.split())) or self._main_scores()}\n"
            f"{account.answered} of {account.budget} answered, {account.replayed} replayed, {account.refused} refused; "
            f"{self.cost_usd:.2f} USD; isolation {self.isolation}"
        )

    __str__ = __repr__

    def _main_scores(self) -> str:
        """Return the main metric of each comparison that was measured, the mean over test splits."""
        metric, compares = self.plan.task.main.metric, get_args(Compare)
        values = {compare: self.score(metric, compare) for compare in compares}
        told = "  ".join(f"{compare} {value:.4f}" for compare, value in values.items() if value is not None)
        unit = next((f" {s.unit}" for s in self.scores if s.metric == metric and s.unit != "1"), "")
        return f"{metric}  {told}{unit}" if told else f"{metric} not measured"


def less(a: float, b: float) -> float:
    """Return a - b, and 0 where both are the same infinity."""
    return 0.0 if a == b else a - b


def seal_of(data: dict[str, Any]) -> str:
    """Return the SHA-256 of a record as it stands in its file, less the seal, over canonical JSON.

    It is taken of the file's own keys, so a record stays sealed when a later version knows more of them.
    """
    kept = {key: value for key, value in data.items() if key != "seal"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def faults(record: RunRecord) -> Iterator[str]:
    """Yield what no run can have written: numbers that are none, scores twice or of other metrics than the plan's.

    A value in dB may be infinite, since identical images are infinitely alike, and no other.
    """
    yield from _faults_of_plan(record.plan)
    cards = {card.name: card for card in record.plan.metrics}
    seen: set[tuple[str, ...]] = set()
    measured: list[tuple[Score | HonestCost, str]] = [(s, s.compare) for s in record.scores]
    measured += [(cost, "honest") for cost in record.honest_cost] + [(cost, QUERIED) for cost in record.queried_cost]
    for s, compare in measured:
        what, card = f"{s.metric} {compare} on {s.test}", cards.get(s.metric)
        if (s.metric, compare, s.test) in seen:
            yield f"{what} stands there twice"
        seen.add((s.metric, compare, s.test))
        if card is None or s.passport.metric != s.metric:
            yield f"{what} is of a metric that its plan does not have"
        elif (s.unit, s.higher_is_better) != (card.unit, card.higher_is_better):
            yield f"{what} has another unit or direction than its metric"
        if isinstance(s, Score) and s.seed != record.plan.seed:
            yield f"{what} is of seed {s.seed}, and the run of {record.plan.seed}"
        for value in (s.value, s.floor.value if isinstance(s, Score) and s.floor else 0.0):
            if not math.isfinite(value) and not (value == math.inf and s.unit == "dB"):
                yield f"{what} is {value}"
    for test, near in record.nearness.items():
        if test not in record.plan.dataset.splits.test:
            yield f"nearness is of test split {test!r}, which its data set does not hold"
        if near.questions and not record.incidents:
            yield f"questions came near to test {test}, and no incident says so"
    remote = is_remote(record.plan.victim)
    if remote != (record.bill is not None) and (record.status == "ok" or not remote):
        yield (
            "it holds no bill of its victim behind an address"
            if remote
            else "it holds a bill, and its victim costs none"
        )
    defense = record.plan.defense
    if record.ownership is not None and (defense is None or not defense.claims):
        yield "it holds a claim on its surrogate, and its plan no defense that makes one"
    yield from (f"{s.metric} queried is on {s.test}" for s in record.queried_cost if s.test != QUERIES)
    costs = {key: {"__all__": {"value"}} for key in ("honest_cost", "queried_cost")}
    rest = record.model_dump(exclude={"scores": {"__all__": {"value", "floor"}}, **costs})
    yield from (f"{place} is {value}" for place, value in _endless(rest, ""))


def _faults_of_plan(plan: Plan) -> Iterator[str]:
    if plan.budget < 1:
        yield f"plan.budget is {plan.budget}"
    if not 0 <= plan.seed <= LARGEST_SEED:
        yield f"plan.seed is {plan.seed}"
    if plan.deadline <= 0:
        yield f"plan.deadline is {plan.deadline}"


def _endless(data: Any, place: str) -> Iterator[tuple[str, float]]:
    """Yield every number in plain data that is not finite, and where it stands."""
    if isinstance(data, (dict, list, tuple)):
        for key, part in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _endless(part, f"{place}.{key}" if place else str(key))
    elif isinstance(data, float) and not math.isfinite(data):
        yield place, data


def record_file(place: Path) -> Path:
    """Return the record's file of what a user names: a run folder, or the file itself."""
    return place / "record.json" if os.path.isdir(place) else place


def read_record(path: Path) -> RunRecord:
    """Read a record and check its seal and numbers; raises BoardError when it is unreadable, too new or edited."""
    try:
        content = read_bounded(path, LARGEST_FILE)
        record = RunRecord.model_validate_json(content)
    except OSError as error:
        raise BoardError(
            f"cannot read the record {path}: {error.strerror}", "give a run folder or a record.json"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = shown(".".join(str(part) for part in first["loc"])) or "file"
        kind = kind_of(content[:HEAD])
        other = f"it is {kind.told}; " if kind is not None and kind.name != "json" else ""
        raise BoardError(f"{path} is not a gexbench record: {other}{place}: {first['msg']}", "run it again") from None
    fault = next(faults(record), None)
    if fault:
        raise BoardError(f"{path} is not a gexbench record: {shown(fault)}", "run it again")
    if record.seal != _seal_in(content):
        raise BoardError(f"{path} was changed after it was written (its seal does not match)", "run it again")
    return record


def _seal_in(content: bytes) -> str | None:
    """Return the seal that a file's content has earned; None for what JSON does not know, such as a bare NaN."""
    try:
        return seal_of(json.loads(content))
    except ValueError:
        return None
