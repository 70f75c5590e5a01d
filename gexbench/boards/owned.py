"""Ownership over the seeds of a row: how often its surrogates were found, and how often innocents were."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gexbench.boards.defended import loss_card, main_card
from gexbench.boards.rank import Table
from gexbench.boards.row import Row
from gexbench.boards.sheet import NOTHING, Column, Sheet, heading, number, with_std
from gexbench.ownership import LEVEL, Ownership, auc, found, interval, upper_bound


@dataclass(frozen=True)
class Owned:
    """What a defense concluded of a row's surrogates; one verdict a seed, each with a key of its own.

    A seed without a verdict counts as not found: leaving verdicts out gains nothing.
    """

    table: Table
    row: Row
    verdicts: tuple[Ownership, ...]

    @property
    def n(self) -> int:
        """Return how many surrogates there are."""
        return len(self.row.records)

    @property
    def hits(self) -> int:
        """Return how many surrogates were found."""
        return sum(verdict.detected for verdict in self.verdicts)

    @property
    def sane(self) -> int:
        """Return of how many seeds marked answers were found and plain ones were not."""
        return sum(verdict.sane for verdict in self.verdicts)

    @property
    def alarms(self) -> tuple[int, int]:
        """Return how many of the innocents that set no threshold were found with any key, and how many there are.

        An innocent counts once, however many seeds tried it: its scores with several keys are no models of their own.
        """
        tried = {each.id for verdict in self.verdicts for each in verdict.innocents if not each.sets_threshold}
        guilty = {
            each.id
            for verdict in self.verdicts
            for each in verdict.innocents
            if not each.sets_threshold and found(each, verdict.threshold)
        }
        return len(guilty), len(tried)

    @property
    def auc(self) -> float | None:
        """Return the share of innocents that the surrogate outscores under its own key, mean over seeds."""
        shares = [auc([v.suspect.score], [each.score for each in v.innocents]) for v in self.verdicts]
        known = [share for share in shares if share is not None]
        return math.fsum(known) / len(known) if known else None

    @property
    def level(self) -> float | None:
        """Return the rate of false alarms that the thresholds stand for, the highest of all seeds."""
        known = [verdict.level for verdict in self.verdicts if verdict.level is not None]
        return max(known, default=None)

    @property
    def largest_p(self) -> float | None:
        """Return the largest exact p of all seeds, where the test has one."""
        known = [verdict.suspect.p for verdict in self.verdicts if verdict.suspect.p is not None]
        return max(known, default=None)

    @property
    def certificate(self) -> str:
        """Say whether innocents certify that at most LEVEL of them are found."""
        if len(self.verdicts) < self.n or not all(verdict.certifiable for verdict in self.verdicts):
            return "not certifiable"
        return "certified" if upper_bound(*self.alarms) <= LEVEL else "not certified"


def owned(tables: Sequence[Table]) -> list[Owned]:
    """Return all rows against defenses that claim: by budget, defense and attack, controls last."""
    rows = [each for table in tables for each in _of_table(table)]
    return sorted(rows, key=lambda each: (-each.table.budget, each.table.defense, each.row.control, each.row.label))


def _of_table(table: Table) -> Iterator[Owned]:
    for row in table.rows:
        verdicts = tuple(record.ownership for record in row.records if record.ownership is not None)
        defense = row.records[0].plan.defense
        if defense is not None and defense.claims:
            yield Owned(table, row, verdicts)


def ownership_sheet(profile: str, tables: Sequence[Table]) -> Sheet | None:
    """Return the table of who was found to have learned from marked answers; None where no defense concluded any."""
    rows = owned(tables)
    if not rows:
        return None
    main, loss = main_card(rows[0].table), loss_card(rows[0].table)
    columns = (
        Column("queries"),
        Column("defense", False),
        Column("attack", False),
        Column("found"),
        Column("95 % CI"),
        Column("false alarms"),
        Column("95 % CI", spare=1),
        Column("threshold's level", spare=2),
        Column(f"at {100 * LEVEL:g} %", False),
        Column("AUC"),
        Column("largest p", spare=1),
        Column("sane", spare=1),
        Column(heading(main, rows[0].row.records[0].plan.task.main.compare)),
        Column("honest " + heading(loss), spare=1),
        Column("marks", False, spare=2),
    )
    faint = frozenset(place for place, each in enumerate(rows) if each.row.control or not each.row.complete)
    notes = dict.fromkeys(f"{each.table.defense}: {v.note}." for each in rows for v in each.verdicts if v.note)
    links = tuple(each.row.links for each in rows)
    cells = tuple(map(_row, rows))
    return Sheet(f"{profile}, ownership", 3, (_NOTE,), columns, cells, faint, below=tuple(notes), links=links)


_NOTE = (
    "Found: of how many surrogates, one a seed, the defense concludes that they learned from its marked answers. False "
    "alarms: innocent models that set no threshold and were found with any seed's key. Intervals are those of Clopper "
    "and Pearson. AUC: the share of innocents that score lower than the surrogate under its key. Sane: of how many "
    "seeds the marked answers themselves were found, and plain ones were not."
)


def _row(each: Owned) -> tuple[str, ...]:
    main, loss = main_card(each.table), loss_card(each.table)
    honest = each.row.honest(loss.name)
    return (
        str(each.table.budget),
        each.table.defense,
        each.row.label,
        *_share(each.hits, each.n),
        *_share(*each.alarms),
        NOTHING if each.level is None else f"{100 * each.level:.2g} %",
        each.certificate,
        NOTHING if each.auc is None else f"{each.auc:.3f}",
        NOTHING if each.largest_p is None else f"{each.largest_p:.1e}",
        f"{each.sane}/{each.n}",
        with_std(each.row.main(), main),
        number(honest.mean if honest is not None else None, loss),
        "; ".join(each.row.marks),
    )


def _share(hits: int, n: int) -> tuple[str, str]:
    """Return `hits/n`, and the interval of the rate in percent."""
    if n == 0:
        return NOTHING, NOTHING
    low, high = interval(hits, n)
    return f"{hits}/{n}", f"{100 * low:.1f} … {100 * high:.1f} %"
