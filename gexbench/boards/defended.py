"""What defenses take from attacks, and what they cost honest users."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gexbench.boards.compare import unpaired
from gexbench.boards.pair_tests import PairTest, paired, welch
from gexbench.boards.rank import Table
from gexbench.boards.row import Row, metric_card
from gexbench.boards.side import Side
from gexbench.boards.spread import Spread, spread
from gexbench.cards.schema import MetricCard
from gexbench.record import RunRecord

PREPARE = "prepare-defense"
"""The stage of a run whose seconds a record holds of the defense's offline work."""


class Damage(NamedTuple):
    """One attack against one defense, beside the same attack on the undefended victim.

    test: defended minus undefended main number; None where the attack was not run on the undefended victim.
    """

    table: Table
    row: Row
    free: Spread | None
    defended: Spread
    test: PairTest | None


@dataclass(frozen=True)
class Defended:
    """One defense at one budget.

    damages: by attack. stolen: the best attack against it minus the best one without it, in the main number; None where
    that best one was not run against it. complete: all rows that `stolen` is of have the seeds that make a rank. front:
    see `guarded`.
    """

    table: Table
    damages: dict[str, Damage]
    stolen: PairTest | None = None
    complete: bool = False
    front: bool = False

    @property
    def attacked(self) -> Row:
        """Return the records of all attacks on it as one row, to ask for means of what the defense does."""
        return Row("", tuple(record for damage in self.damages.values() for record in damage.row.records))

    @property
    def taken(self) -> float | None:
        """Return how much worse thieves fare than without it, above 0 where they do; None where nobody knows."""
        return None if self.stolen is None else worse(self.stolen.value, main_card(self.table))

    @property
    def loss(self) -> float | None:
        """Return what honest users lose, more where it is higher; None where it was not measured, or is endless."""
        card = loss_card(self.table)
        cost = self.attacked.honest(card.name)
        if cost is None or not math.isfinite(cost.mean):
            return None
        return -cost.mean if card.higher_is_better else cost.mean

    @property
    def delay(self) -> float | None:
        """Return the seconds an answer waited for it, mean over records; None where none says."""
        known = [r.defense_delay for r in self.attacked.records if r.defense_delay is not None]
        return spread(known).mean if known else None

    @property
    def preparing(self) -> float | None:
        """Return the seconds its offline stage took, mean over records; None where it has none."""
        known = [r.seconds[PREPARE] for r in self.attacked.records if PREPARE in r.seconds]
        return spread(known).mean if known else None


def main_card(table: Table) -> MetricCard:
    """Return the metric that a table's rows are ranked by."""
    return metric_card(table.records[0], table.records[0].plan.task.main.metric)


def loss_card(table: Table) -> MetricCard:
    """Return the metric that the loss of honest users is plotted by: the task's first distance, else its first."""
    cards = [metric_card(table.records[0], name) for name in table.records[0].plan.task.costs]
    return next((card for card in cards if not card.higher_is_better), cards[0])


def worse(difference: float, card: MetricCard) -> float:
    """Return a difference of an attack's number, defended minus undefended, as harm: above 0 where it fares worse."""
    return -difference if card.higher_is_better else difference


def harm(test: PairTest, card: MetricCard) -> tuple[float, tuple[float, float] | None]:
    """Return a test's difference as harm to the attack, and its 95 % interval."""
    found = test.interval()
    ends = sorted(worse(end, card) for end in found) if found is not None else None
    return worse(test.value, card), (ends[0], ends[1]) if ends is not None else None


def damages(tables: Sequence[Table]) -> list[Damage]:
    """Return every attack on a defended victim; per budget and attack the most damaging defense comes first."""
    free = {(t.budget, row.label): row for t in tables if not t.defense for row in t.rows}
    found = [d for t in tables if t.defense for d in _of_table(t, free)]
    return sorted(found, key=_order)


def _of_table(table: Table, free: dict[tuple[int, str], Row]) -> Iterator[Damage]:
    for row in table.rows:
        defended = row.main()
        if row.control or defended is None:
            continue
        twin = free.get((table.budget, row.label))
        before = twin.main() if twin is not None else None
        yield Damage(table, row, before, defended, tested(row, twin) if twin is not None and before else None)


def _order(damage: Damage) -> tuple[int, str, float, str]:
    lost = worse(damage.test.value, main_card(damage.table)) if damage.test is not None else 0.0
    return -damage.table.budget, damage.row.label, -lost, damage.table.defense


def tested(defended: Row, free: Row) -> PairTest:
    """Test the main numbers of a defended row against an undefended one: by pairs of one seed, else by Welch's test.

    Seeds are pairs by the rule of `compare.unpaired`, but that one is enough: its difference then stands without an
    interval.
    """
    main = free.records[0].plan.task.main
    left, right = (_values(row, lambda record: record.score(main.metric, main.compare)) for row in (defended, free))
    common = sorted(left.keys() & right.keys())
    if common and next(unpaired(Side("", defended), Side("", free), least=1), None) is None:
        return paired([left[seed] for seed in common], [right[seed] for seed in common])
    return welch(list(left.values()), list(right.values()))


def _values(row: Row, number: Callable[[RunRecord], float | None]) -> dict[int, float]:
    found = {record.plan.seed: number(record) for record in row.records}
    return {seed: value for seed, value in found.items() if value is not None}


def guarded(tables: Sequence[Table]) -> list[Defended]:
    """Return a profile's defenses, the highest budget and then the most damage to thieves first.

    On the front are those that take something from thieves, and that no other of their budget beats: takes at least
    as much at no more loss of honest users, and more or at less. Those with too few seeds are left out of it.
    """
    found: list[Defended] = []
    every = damages(tables)
    free = {table.budget: table for table in tables if not table.defense}
    for table in (table for table in tables if table.defense):
        hit = {damage.row.label: damage for damage in every if damage.table is table}
        if hit:
            found.append(_against(Defended(table, hit), free.get(table.budget)))
    found = [replace(each, front=_is_on_front(each, found)) for each in found]
    return sorted(found, key=lambda each: (-each.table.budget, -(each.taken or 0.0), each.table.defense))


def _against(defended: Defended, free: Table | None) -> Defended:
    """Add what the strongest attacks tell: the best of the undefended table, and the best of the defended one."""
    best = _best(free) if free is not None else None
    left = _best(defended.table)
    if best is None or left is None or best.label not in defended.damages:
        return defended
    same = defended.damages[best.label].row
    complete = best.complete and same.complete and left.complete
    return replace(defended, stolen=tested(left, best), complete=complete)


def _best(table: Table) -> Row | None:
    """Return the best attack of a table: ranked ones stand first there, the best of them leading."""
    return next((row for row in table.rows if not row.control and row.main() is not None), None)


def _is_on_front(one: Defended, others: Sequence[Defended]) -> bool:
    own = _point(one)
    if own is None or own[0] <= 0:
        return False
    points = [p for each in others if each.table.budget == one.table.budget and (p := _point(each)) is not None]
    return not any(taken >= own[0] and loss <= own[1] and (taken, loss) != own for taken, loss in points)


def _point(defended: Defended) -> tuple[float, float] | None:
    taken, loss = defended.taken, defended.loss
    return (taken, loss) if taken is not None and loss is not None and defended.complete else None
