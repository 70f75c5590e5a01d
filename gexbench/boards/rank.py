"""From records to ranked rows."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby

from gexbench.boards.label import attack_label, row_key, table_key
from gexbench.boards.letters import letters, told_apart
from gexbench.boards.retired import Retired
from gexbench.boards.row import Row, metric_card
from gexbench.boards.spread import difference
from gexbench.cards.board import BoardCard
from gexbench.cards.schema import MetricCard, TaskCard
from gexbench.errors import BoardError, nearest
from gexbench.record import RunRecord


@dataclass(frozen=True)
class Table:
    """The rows of one profile, budget and defense: ranked ones, then those with too few seeds, then controls."""

    profile: str
    budget: int
    defense: str
    rows: tuple[Row, ...]

    @property
    def headline(self) -> bool:
        """Whether this is the profile's ranked budget."""
        return self.budget == self.rows[0].records[0].plan.task.profile[self.profile].ranked_budget

    @property
    def records(self) -> list[RunRecord]:
        """Return the records of all rows."""
        return [record for row in self.rows for record in row.records]


@dataclass(frozen=True)
class Board:
    """A leaderboard, ready to be shown. retired: records that stood in its tables once."""

    card: BoardCard
    task: TaskCard
    tables: tuple[Table, ...]
    verified: frozenset[str] = frozenset()
    retired: tuple[Retired, ...] = ()

    @property
    def records(self) -> list[RunRecord]:
        """Return all records."""
        return [record for table in self.tables for record in table.records]

    def status(self, row: Row) -> str:
        """Return `verified` when every record of the row was signed for, else `submitted`, or how many were."""
        done = sum(record.seal in self.verified for record in row.records)
        if done in (0, len(row.records)):
            return "verified" if done else "submitted"
        return f"verified {done}/{len(row.records)}"

    def only(self, profile: str | None) -> Board:
        """Return the board with one profile's tables; raises BoardError when it has none."""
        known = [table.profile for table in self.tables]
        if profile is not None and profile not in known:
            raise BoardError(f"{self.card.name!r} has no records of profile {profile!r}", nearest(profile, known))
        retired = tuple(each for each in self.retired if profile in (None, each.record.plan.profile.name))
        return replace(self, tables=tuple(t for t in self.tables if profile in (None, t.profile)), retired=retired)


def make_board(
    card: BoardCard,
    task: TaskCard,
    records: Iterable[RunRecord],
    verified: frozenset[str],
    retired: tuple[Retired, ...] = (),
) -> Board:
    """Rank records that agree with each other; raises BoardError when a seal in `verified` is of none, retired or not.

    retired: what is shown beside them, and ranked nowhere.
    """
    ordered = sorted(records, key=lambda record: (row_key(record.plan), record.plan.seed))
    strangers = sorted(verified - {record.seal for record in (*ordered, *(each.record for each in retired))})
    if strangers:
        raise BoardError(
            f"verified.txt of {card.name!r} names the seal {strangers[0][:16]}…, which no record has", "correct it"
        )
    tables = [_table(task, list(group)) for _, group in groupby(ordered, key=lambda record: table_key(record.plan))]
    return Board(card, task, tuple(sorted(tables, key=lambda table: _order(task, table))), verified, retired)


def _order(task: TaskCard, table: Table) -> tuple[int, int, str]:
    """Largest profile and budget first, and the undefended table before the defended ones."""
    profiles = list(task.profile)
    place = profiles.index(table.profile) if table.profile in profiles else -1
    return -place, -table.budget, table.defense


def _table(task: TaskCard, records: Sequence[RunRecord]) -> Table:
    card = metric_card(records[0], task.main.metric)
    rows = [Row(label, tuple(group)) for label, group in groupby(records, key=lambda record: attack_label(record.plan))]
    rows = [replace(row, unbeaten=_is_unbeaten(row, records, card), newer=_newer(row, rows)) for row in rows]
    attacks = sorted((row for row in rows if not row.control), key=lambda row: _goodness(row, card))
    controls = sorted((row for row in rows if row.control), key=lambda row: _control_order(row, task))
    rankable = [row for row in attacks if row.complete and not row.newer]
    others = [row for row in attacks if row not in rankable]
    return Table(*table_key(records[0].plan), (*_ranked(rankable), *others, *controls))


def _ranked(rows: Sequence[Row]) -> list[Row]:
    """Rank rows in order: a row's rank is 1 more than the number of rows that are told apart from it and better."""
    mains = [row.main() for row in rows]
    tests = {
        (first, second): difference(one, other).p
        for (first, one), (second, other) in combinations(enumerate(mains), 2)
        if one is not None and other is not None
    }
    apart = told_apart(tests)
    marks = letters(len(rows), apart) if len(rows) > 1 else [""] * len(rows)
    ranks = [1 + sum(second == place for _, second in apart) for place in range(len(rows))]
    return [replace(row, rank=rank, letters=mark) for row, rank, mark in zip(rows, ranks, marks, strict=True)]


def _newer(row: Row, rows: Sequence[Row]) -> str:
    """Return the row of the newest version of a row's attack, as its card has it; empty where this is none older.

    It must have all its seeds: until then the older one stays ranked.
    """
    own = row.records[0].plan.attack
    newer = [
        (card.version, other.label)
        for other in rows
        if (card := other.records[0].plan.attack).name == own.name and card.version > own.version
        if other.complete and other.label == f"{card.name}@{card.version}"
    ]
    return max(newer)[1] if newer else ""


def _is_unbeaten(row: Row, records: Sequence[RunRecord], card: MetricCard) -> bool:
    """Say whether an attack of a task that is ranked by C is in the mean no better than the victim itself.

    The victim's number is A, the same in all records of a table but for their machines: their median is taken, which no
    record alone moves.
    """
    main, own = records[0].plan.task.main, row.main()
    known = [a for record in records if (a := record.score(main.metric, "A")) is not None]
    if row.control or main.compare != "C" or own is None or not known:
        return False
    victim = statistics.median(known)
    return own.mean <= victim if card.higher_is_better else own.mean >= victim


def _goodness(row: Row, card: MetricCard) -> tuple[float, str]:
    """Sort key: the best main number first, then the name."""
    main = row.main()
    value = main.mean if main is not None else 0.0
    return card.distance(value), row.label


def _control_order(row: Row, task: TaskCard) -> tuple[int, str]:
    name = row.records[0].plan.attack.name
    return task.controls.index(name) if name in task.controls else len(task.controls), row.label
