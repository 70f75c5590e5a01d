"""A row of a board: one attack at one place, over its seeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gexbench.boards.label import record_place
from gexbench.boards.sheet import Link
from gexbench.boards.spread import Spread, spread
from gexbench.cards.fields import Compare
from gexbench.cards.schema import MetricCard
from gexbench.errors import BoardError
from gexbench.record import RunRecord

NEAR, ALIKE = 0.99, ("ssim-rgb", "ssim-y")
NEARLY = f"structural similarity of {NEAR} or more in B"
"""From where on a copy of a service whose weights are public is said to be nearly the service itself."""


@dataclass(frozen=True)
class Row:
    """An attack or a control at one place: its records by seed. `rank` is None where it is not ranked.

    letters: two ranked rows of a table share one exactly where they are not told apart. unbeaten: the victim itself is
    as good or better, see rank. newer: the row of a newer version of the same attack, which is ranked instead.
    """

    label: str
    records: tuple[RunRecord, ...]
    rank: int | None = None
    letters: str = ""
    unbeaten: bool = False
    newer: str = ""

    @property
    def control(self) -> bool:
        """Whether this is a reference row, which is never ranked."""
        return self.records[0].plan.attack.is_control

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the seeds in order."""
        return tuple(record.plan.seed for record in self.records)

    @property
    def links(self) -> tuple[Link, ...]:
        """Return links to the records, named by seed."""
        return tuple(Link(str(record.plan.seed), record_place(record)) for record in self.records)

    @property
    def wanted(self) -> int:
        """Return how many seeds the profile asks for before a row is ranked."""
        return self.records[0].plan.profile.seeds

    @property
    def complete(self) -> bool:
        """Whether the seeds are 0, 1, 2, … without a gap and as many as the profile asks for."""
        return len(self.seeds) >= self.wanted and self.seeds == tuple(range(len(self.seeds)))

    def score(self, metric: str, compare: Compare, test: str | None = None) -> Spread | None:
        """Return a number over seeds, for one test split or for their mean; None when it was never measured."""
        asked = [record for record in self.records if metric in record.plan.measured]
        values = [record.score(metric, compare, test) for record in asked]
        known = [value for value in values if value is not None]
        errors = [record.error(metric, compare, test) for record in asked]
        return replace(spread(known), se=max((each for each in errors if each), default=None)) if known else None

    def main(self) -> Spread | None:
        """Return the number that rows are ranked by."""
        main = self.records[0].plan.task.main
        return self.score(main.metric, main.compare)

    def honest(self, metric: str, test: str | None = None) -> Spread | None:
        """Return a defense's cost to honest users over this row's records; None without one."""
        costs = [[c for c in r.honest_cost if c.metric == metric and test in (None, c.test)] for r in self.records]
        known = [spread([c.value for c in of_run]).mean for of_run in costs if of_run]
        return spread(known) if known else None

    def queried(self, metric: str) -> Spread | None:
        """Return the same cost on what the attack itself asked; None where no record says so."""
        known = [c.value for r in self.records for c in r.queried_cost if c.metric == metric]
        return spread(known) if known else None

    @property
    def nearly_released(self) -> bool:
        """Whether a copy of a victim that others released is as good as the victim's own weights would be."""
        if self.control or self.records[0].plan.victim.asset is None:
            return False
        return any((of := self.score(metric, "B")) is not None and of.mean >= NEAR for metric in ALIKE)

    @property
    def queries(self) -> float:
        """Return how many images were answered and paid for, mean over seeds."""
        return spread([record.account.answered for record in self.records]).mean

    @property
    def cost(self) -> float:
        """Return the US dollars paid, mean over seeds."""
        return spread([record.cost_usd for record in self.records]).mean

    @property
    def marks(self) -> tuple[str, ...]:
        """Return what a reader should know before trusting the row."""
        marks = ["control"] if self.control else []
        if not self.control and not self.complete:
            marks.append(f"seeds {', '.join(map(str, self.seeds))} of 0–{self.wanted - 1}")
        if self.newer:
            marks.append(f"older version: {self.newer} is ranked")
        if brought := self.records[0].plan.attack.files:
            marks.append(
                f"brings {len(brought)} large file(s), {sum(each.size for each in brought) / (1 << 20):.1f} MiB"
            )
        checks = {
            "unsandboxed": any(record.isolation != "landlock" for record in self.records),
            "no better than the untouched victim": self.unbeaten,
            "nearly the victim itself, whose weights are public": self.nearly_released,
            "several sessions": any(record.account.sessions > 1 for record in self.records),
            "uncommitted code": any(record.provenance.dirty for record in self.records),
            "several code versions": len({record.plan.code for record in self.records}) > 1,
            "several processors": len({record.provenance.processor for record in self.records}) > 1,
            "several precisions": len({record.provenance.precision for record in self.records}) > 1,
        }
        return (*marks, *(mark for mark, there in checks.items() if there))


def measured(records: Iterable[RunRecord]) -> dict[str, MetricCard]:
    """Return the cards of all metrics that records measured, by name, in the order of the newest task card."""
    found: dict[str, MetricCard] = {}
    for record in sorted(records, key=lambda record: -record.plan.task.version):
        found |= {name: metric_card(record, name) for name in record.plan.measured if name not in found}
    return found


def metric_card(record: RunRecord, metric: str) -> MetricCard:
    """Return the card of a metric as the record holds it; raises BoardError when it holds none."""
    for card in record.plan.metrics:
        if card.name == metric:
            return card
    raise BoardError(f"the record {record.id} has no card of the metric {metric!r}", "its plan was edited by hand")
