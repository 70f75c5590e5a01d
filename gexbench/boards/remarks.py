"""What is said below a table: how far apart rows must lie to be told apart, and which controls are as long trained."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gexbench.boards.rank import Table
from gexbench.boards.row import Row, metric_card
from gexbench.boards.sheet import number
from gexbench.boards.spread import POWER, Spread, detectable

STEPS = ("steps", "real_steps", "pool_steps")
"""Options that count steps of a training; an attack takes the sum of those it has."""


def remarks(table: Table) -> Iterator[str]:
    """Yield the lines below a table; the same records give the same lines."""
    yield from _resolution(table)
    yield from _equal_steps(table)


def _resolution(table: Table) -> Iterator[str]:
    """Yield what difference of the main number two rows can show, and how far they lie apart.

    The deviation is that within rows, pooled; rows that seeds do not change say nothing about it. Where fewer than two
    rows are ranked, controls stand in for them.
    """
    card = metric_card(table.records[0], table.records[0].plan.task.main.metric)
    mains = [(row, main) for row in table.rows if row.complete and (main := row.main()) is not None]
    varying = [(row, main) for row, main in mains if main.std is not None and not main.still]
    ranked = [main for row, main in varying if row.rank is not None]
    rows, named = (ranked, "ranked rows") if len(ranked) > 1 else ([m for _, m in varying], "rows that seeds change")
    if len(rows) < 2:
        return
    std, n = pooled(rows), min(row.n for row in rows)
    least, span = detectable(std, n), max(row.mean for row in rows) - min(row.mean for row in rows)
    short = ", which is less: differences of that size are mostly missed" if span < least else ""
    yield (
        f"Two rows must differ by about {number(least, card, least)} to be told apart ({100 * POWER:g} % power, {n} "
        f"seeds each, pooled deviation {number(std, card, std)}); the {named} span {number(span, card, least)}{short}."
    )


def pooled(rows: list[Spread]) -> float:
    """Return the standard deviation within rows, each weighted by its degrees of freedom."""
    known = [(row.std, row.n - 1) for row in rows if row.std is not None]
    return math.sqrt(math.fsum(std * std * free for std, free in known) / sum(free for _, free in known))


def _equal_steps(table: Table) -> Iterator[str]:
    """Yield, for each ranked row with other options than its card's, the controls that took as many steps."""
    controls = [row for row in table.rows if row.control]
    for row in table.rows:
        plan, own = row.records[0].plan, steps(row)
        if row.rank is None or own is None or "(" not in row.label.removeprefix(plan.attack.name):
            continue
        equal = [control.label for control in controls if steps(control) == own]
        told = f"as many were taken by {', '.join(equal)}." if equal else "no control took as many."
        yield f"{row.label} took {own} steps; {told}"


def steps(row: Row) -> int | None:
    """Return how many steps an attack's options ask for; None where no option counts any."""
    asked = [value for name in STEPS if isinstance(value := row.records[0].plan.options.get(name), int)]
    return sum(asked) if asked else None
