"""What defenses take from attacks, and what they cost honest users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gexbench.boards.rank import Table
from gexbench.boards.row import Row, metric_card
from gexbench.boards.sheet import NOTHING, Column, Sheet, heading, interval, number, with_std
from gexbench.boards.spread import Difference, Spread, difference


class Damage(NamedTuple):
    """One attack against one defense, beside the same attack on the undefended victim; `lost` is the gap between."""

    table: Table
    row: Row
    free: Spread | None
    defended: Spread
    lost: Difference | None


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
        yield Damage(table, row, before, defended, difference(defended, before) if before is not None else None)


def _order(damage: Damage) -> tuple[int, str, float, str]:
    plan = damage.row.records[0].plan
    rises = metric_card(damage.row.records[0], plan.task.main.metric).higher_is_better
    lost = damage.lost.value if damage.lost is not None else 0.0
    return -damage.table.budget, damage.row.label, lost if rises else -lost, damage.table.defense


def damage_sheet(profile: str, tables: Sequence[Table]) -> Sheet | None:
    """Return the table of a profile's defenses; None when no record is defended."""
    found = damages(tables)
    if not found:
        return None
    plan = found[0].row.records[0].plan
    card = metric_card(found[0].row.records[0], plan.task.main.metric)
    costs = [metric_card(found[0].row.records[0], name) for name in plan.task.costs]
    asked = [cost for cost in costs if any(d.row.queried(cost.name) for d in found)]
    columns = [
        Column("queries"),
        Column("attack", False),
        Column("defense", False),
        Column("undefended", spare=1),
        Column("defended", spare=1),
        Column("difference"),
        Column("95 % CI", spare=2),
        *(Column("honest " + heading(cost)) for cost in costs),
        *(Column("on queries " + heading(cost)) for cost in asked),
        Column("marks", False, spare=1),
    ]
    rows = []
    for d in found:
        lost = (number(d.lost.value, card), interval(d.lost.low, d.lost.high, card)) if d.lost else (NOTHING, NOTHING)
        honest = [number(h.mean if (h := d.row.honest(cost.name)) else None, cost) for cost in costs]
        honest += [number(q.mean if (q := d.row.queried(cost.name)) else None, cost) for cost in asked]
        rows.append(
            (
                str(d.table.budget),
                d.row.label,
                d.table.defense,
                with_std(d.free, card),
                with_std(d.defended, card),
                *lost,
                *honest,
                "; ".join(d.row.marks),
            )
        )
    return Sheet(
        f"{profile}, defenses",
        3,
        (
            f"{heading(card, plan.task.main.compare)}, means of the test splits. Difference: defended minus "
            "undefended, with Welch's 95 % interval. Honest: defended answers against undefended ones, what honest "
            "users lose." + (" On queries: the same on what the attack asked." if asked else ""),
        ),
        tuple(columns),
        tuple(rows),
    )
