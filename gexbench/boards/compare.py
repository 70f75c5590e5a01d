"""Two rows of a board against each other: whether they differ, are the same within a margin, or neither is shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from statistics import fmean
from typing import Literal

from gexbench.boards.label import attack_label, defense_label, table_key
from gexbench.boards.letters import LEVEL
from gexbench.boards.margin import Margin, margin_of
from gexbench.boards.pair_tests import PairTest, adjusted, paired, welch
from gexbench.boards.rank import Board, Table
from gexbench.boards.row import measured
from gexbench.boards.side import Number, Side, find_side, sides, strangers
from gexbench.cards.prose import at_profile, bare
from gexbench.cards.schema import MetricCard
from gexbench.errors import BoardError
from gexbench.foreign_text import shown
from gexbench.record import RunRecord

LEAST_PAIRS = 3
NO_EVIDENCE = "not resampled: no evidence beside these records"
Answer = Literal["different", "equivalent", "undecided"]


@dataclass(frozen=True)
class Question:
    """What is compared: a number of a board at one profile.

    margin: what is too small to matter, in the metric's unit; None for a tenth of the way to a perfect copy.
    """

    board: Board
    profile: str
    number: Number
    margin: float | None = None

    def __post_init__(self) -> None:
        """Refuse a margin that is none."""
        if self.margin is not None and not 0 < self.margin < math.inf:
            raise BoardError(f"--margin {self.margin} is no margin", "give a positive number in the metric's unit")


@dataclass(frozen=True)
class ImageErrors:
    """Standard errors of a difference of means: over seeds alone, over test images alone, over both.

    n: images of the smallest test split. way, draws: how images were drawn, and how often.
    """

    seeds: float
    images: float
    total: float
    n: int
    way: str
    draws: int

    def interval(self, test: PairTest) -> tuple[float, float] | None:
        """Return the 95 % interval of a difference over new seeds and new images of that kind.

        Its degrees of freedom are those of seeds and of images, each weighed by its part of the error. Source:
        Satterthwaite 1946.
        """
        if test.freedom is None:
            return None
        parts = (self.seeds**2, test.freedom), (self.images**2, self.n - 1)
        below = sum(part**2 / freedom for part, freedom in parts)
        freedom = sum(part for part, _ in parts) ** 2 / below if below else test.freedom
        return replace(test, error=self.total, freedom=freedom).interval()


@dataclass(frozen=True)
class Contest:
    """Two rows and what was found. holm: p adjusted for all `family` pairs of the table, why: how the test was chosen.

    images: the errors of the test images, or why they are not known.
    """

    a: Side
    b: Side
    card: MetricCard
    values: tuple[dict[int, float], dict[int, float]]
    test: PairTest
    why: str
    holm: float
    family: int
    margin: Margin
    images: ImageErrors | str = NO_EVIDENCE

    @property
    def p_equal(self) -> float | None:
        """Return the p of the two one-sided tests; None without a margin."""
        return None if self.margin.value is None else self.test.outside(self.margin.value)

    @property
    def answer(self) -> Answer:
        """Say what was shown; rows that differ by less than the margin are different."""
        if self.holm <= LEVEL:
            return "different"
        return "equivalent" if self.p_equal is not None and self.p_equal <= LEVEL else "undecided"

    @property
    def better(self) -> Side | None:
        """Return the better row where the two differ; None, too, where the ideal lies between them."""
        higher = self._higher_is_better()
        if self.answer != "different" or higher is None:
            return None
        return self.a if (self.test.value > 0) == higher else self.b

    def _higher_is_better(self) -> bool | None:
        if self.card.ideal is None:
            return self.card.higher_is_better
        above = {fmean(values.values()) > self.card.ideal for values in self.values}
        return None if len(above) == 2 else above == {False}


def contest(question: Question, a: str, b: str) -> Contest:
    """Compare two rows by what they are called; raises BoardError for those that have nothing in common."""
    one, other = (find_side(text, question.board, question.profile) for text in (a, b))
    if {run.seal for run in one.row.records} & {run.seal for run in other.row.records}:
        raise BoardError(f"{shown(a)!r} and {shown(b)!r} hold the same runs", "name two rows")
    return _contest(_Tests(question), one, other, ranked(question))


def contests(question: Question) -> list[Contest]:
    """Compare the pairs of ranked rows at the ranked budget that differ in the attack or in the defense alone.

    Raises BoardError where there is no pair.
    """
    ranked_budget = question.board.task.profile[question.profile].ranked_budget if sides_of(question) else None
    rows = [side for side in ranked(question) if _place(side)[0] == ranked_budget]
    pairs = [(a, b) for a, b in combinations(rows, 2) if _place(a) == _place(b) or _attack(a.first) == _attack(b.first)]
    if not pairs:
        name, known = question.board.card.name, sides_of(question)
        hint = f"name two rows: {', '.join(known)}" if known else "name another --profile"
        raise BoardError(f"{name!r} has no two ranked rows at profile {question.profile!r}", hint)
    tests = _Tests(question)
    return [_contest(tests, one, other, rows) for one, other in pairs]


def contests_of(question: Question, table: Table) -> list[Contest]:
    """Compare every two rows of one table of the question's profile, ranked or not, that have the number."""
    own = [side for side in sides_of(question).values() if any(side.row is row for row in table.rows)]
    rows = [side for side in own if side.row.rank is not None]
    tests = _Tests(question)
    return [
        _contest(tests, one, other, rows)
        for one, other in combinations([side for side in own if side.has(question.number)], 2)
    ]


def sides_of(question: Question) -> dict[str, Side]:
    """Return all rows of the question's profile by name."""
    return sides(question.board, question.profile)


def ranked(question: Question) -> list[Side]:
    """Return the ranked rows of a profile, at every budget and against every defense."""
    return [side for side in sides_of(question).values() if side.row.rank is not None]


@dataclass(frozen=True)
class _Tests:
    """The tests of a question's rows, each made once."""

    question: Question
    made: dict[tuple[str, str], tuple[PairTest, str]] = field(default_factory=dict)

    @cached_property
    def cards(self) -> dict[str, MetricCard]:
        """Return the board's cards of metrics, which know what is ideal."""
        return measured(self.question.board.records)

    def of(self, a: Side, b: Side) -> tuple[PairTest, str]:
        pair = a.name, b.name
        if pair not in self.made:
            self.made[pair] = _test(self.question, a, b)
        return self.made[pair]


def _contest(tests: _Tests, a: Side, b: Side, rows: Sequence[Side]) -> Contest:
    question = tests.question
    values = a.values(question.number), b.values(question.number)
    for what in strangers(a, b, question.number.metric):
        raise BoardError(f"{shown(a.name)!r} and {shown(b.name)!r} have another {what}", "compare rows of one board")
    others = (side for side in rows if side not in (a, b) and _together(side, a, b))
    family = [a, b, *(side for side in others if side.has(question.number))]
    found = {(i, j): tests.of(family[i], family[j]) for i, j in combinations(range(len(family)), 2)}
    test, why = found[0, 1]
    holm = adjusted({pair: each.p for pair, (each, _) in found.items()})[0, 1]
    margin = margin_of(question.board, a, question.number, question.margin)
    card = tests.cards.get(question.number.metric) or measured(a.row.records)[question.number.metric]
    return Contest(a, b, card, values, test, why, holm, len(found), margin)


def _together(side: Side, a: Side, b: Side) -> bool:
    """Whether a row is of the table of two rows; where they are of two, of all tables of the same budgets."""
    if _place(a) == _place(b):
        return _place(side) == _place(a)
    return _place(side)[0] in (_place(a)[0], _place(b)[0])


def _place(side: Side) -> tuple[int, str]:
    _, budget, defense = table_key(side.first.plan)
    return budget, defense


def _test(question: Question, a: Side, b: Side) -> tuple[PairTest, str]:
    """Test two rows by the rule of `unpaired`, which knows nothing of the scores."""
    left, right = a.values(question.number), b.values(question.number)
    why = next(unpaired(a, b), None)
    if why is not None:
        return welch(list(left.values()), list(right.values())), why
    seeds = sorted(left.keys() & right.keys())
    told = "the same attack, and each pair of seeds ran on one processor, code and libraries"
    return paired([left[seed] for seed in seeds], [right[seed] for seed in seeds]), told


def unpaired(a: Side, b: Side, least: int = LEAST_PAIRS) -> Iterator[str]:
    """Yield why the seeds of two rows are no pairs; nothing where they are, `least` at the least.

    Runs of one attack share the service, the order of the pool, and what they draw; those of two attacks share too
    little for pairs to help. So one attack against another defense or at another budget is paired, all else is not.
    """
    if _attack(a.first) != _attack(b.first):
        yield "different attacks"
    runs = [{run.plan.seed: run for run in side.row.records} for side in (a, b)]
    common = sorted(runs[0].keys() & runs[1].keys())
    if len(common) < least:
        yield f"{len(common)} seeds in common, and pairs need {least}"
    apart = [seed for seed in common if not _alike(runs[0][seed], runs[1][seed])]
    if apart:
        yield f"another processor, code or libraries at seed {', '.join(map(str, apart))}"


def _attack(run: RunRecord) -> tuple[object, ...]:
    return (
        attack_label(run.plan),
        bare(at_profile(run.plan.attack, run.plan.profile.name)),
        run.plan.plug_ins.get("attack"),
    )


def _alike(one: RunRecord, other: RunRecord) -> bool:
    made, met = one.provenance, other.provenance
    machine = ("processor", "device", "precision", "libraries")
    return all(getattr(made, key) == getattr(met, key) for key in machine) and _same_code(one, other)


def _same_code(one: RunRecord, other: RunRecord) -> bool:
    """Whether two runs computed with the same code, but for that of their defenses, which the hash of each holds.

    Where defenses differ the hashes do, and one clean commit, or one released version, has to stand for them.
    """
    made, met = one.provenance, other.provenance
    if made.code == met.code or defense_label(one.plan) == defense_label(other.plan):
        return made.code == met.code
    return (made.git, made.package) == (met.git, met.package) and not made.dirty and not met.dirty
