"""A board as long rows: one number each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from gexbench.boards.defended import damages, harm, main_card
from gexbench.boards.owned import Owned, owned
from gexbench.boards.rank import Board, Table
from gexbench.boards.row import Row, measured, metric_card
from gexbench.boards.spread import Spread
from gexbench.foreign_text import PARAGRAPH, csv_cell
from gexbench.ownership import interval

ALL = "mean of splits"
FIELDS = {
    "task": "str",
    "profile": "str",
    "budget": "int64",
    "defense": "str",
    "rank": "Int64",
    "letters": "str",
    "attack": "str",
    "control": "boolean",
    "test": "str",
    "metric": "str",
    "compare": "str",
    "unit": "str",
    "higher_is_better": "boolean",
    "mean": "float64",
    "std": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "n": "int64",
    "seeds": "int64s",
    "images": "Int64",
    "queries": "float64",
    "cost_usd": "float64",
    "status": "str",
    "marks": "strs",
    "records": "strs",
}
"""Fields and their types, as in `frame.COLUMNS`; an s more is a list."""


@dataclass(frozen=True)
class _Spot:
    """Where a row stands."""

    board: Board
    table: Table
    row: Row


def long_rows(board: Board) -> Iterator[dict[str, Any]]:
    """Yield a mapping of FIELDS for every attack, metric, comparison and test split, and for the mean of the splits.

    compare "honest" is a defense's cost to honest users: defended answers against undefended ones.
    """
    for table in board.tables:
        for row in table.rows:
            yield from _row(_Spot(board, table, row))


def _row(spot: _Spot) -> Iterator[dict[str, Any]]:
    row, plan = spot.row, spot.row.records[0].plan
    for test in (*plan.dataset.splits.test, ALL):
        split = None if test == ALL else test
        for compare in ("A", "B", "C"):
            for metric in measured(row.records):
                yield from _number(spot, test, (metric, compare), row.score(metric, compare, split))
        for metric in plan.task.costs:
            yield from _number(spot, test, (metric, "honest"), row.honest(metric, split))


def _number(spot: _Spot, test: str, what: tuple[str, str], value: Spread | None) -> Iterator[dict[str, Any]]:
    if value is None:
        return
    metric = what[0]
    card = measured(spot.row.records).get(metric) or metric_card(spot.row.records[0], metric)
    yield _line(spot, test, what, (card.unit, card.higher_is_better), value)


def _line(
    spot: _Spot, test: str, what: tuple[str, str], scale: tuple[str, bool | None], value: Spread
) -> dict[str, Any]:
    """Return one row. what: metric and compare; scale: unit, and whether higher is better, None where neither is."""
    board, table, row = spot.board, spot.table, spot.row
    metric, compare = what
    images = {s.n for record in row.records for s in record.scores if s.test == test}
    cells = (
        board.card.task,
        table.profile,
        table.budget,
        table.defense,
        row.rank,
        row.letters,
        row.label,
        row.control,
        test,
        metric,
        compare,
        *scale,
        value.mean,
        value.std,
        value.low,
        value.high,
        value.n,
        list(row.seeds),
        max(images, default=None),
        row.queries,
        row.cost,
        board.status(row),
        list(row.marks),
        [record.id for record in row.records],
    )
    return dict(zip(FIELDS, cells, strict=True))


def defense_lines(board: Board) -> Iterator[dict[str, Any]]:
    """Yield what defenses take and find, in the same FIELDS; a row a number.

    compare "damage": by how much the main number is worse than undefended; "ownership": rates over surrogates or
    innocents, `n` of them.
    """
    for profile in dict.fromkeys(table.profile for table in board.tables):
        tables = [table for table in board.tables if table.profile == profile]
        for damage in damages(tables):
            if damage.test is not None:
                card = main_card(damage.table)
                value, ends = harm(damage.test, card)
                taken = Spread(value, min(damage.test.n), None, *(ends or ()))
                scale = card.unit, None
                yield _line(_Spot(board, damage.table, damage.row), ALL, (card.name, "damage"), scale, taken)
        for each in owned(tables):
            for name, rate in _rates(each):
                yield _line(_Spot(board, each.table, each.row), ALL, (name, "ownership"), ("1", None), rate)


def _rates(each: Owned) -> Iterator[tuple[str, Spread]]:
    n, (alarms, innocents) = each.n, each.alarms
    yield "found", Spread(each.hits / n, n, None, *interval(each.hits, n))
    if innocents:
        yield "false-alarms", Spread(alarms / innocents, innocents, None, *interval(alarms, innocents))
    yield "sane", Spread(each.sane / n, n)
    for name, value in (("auc", each.auc), ("largest-p", each.largest_p), ("level", each.level)):
        if value is not None:
            yield name, Spread(value, n)


def to_csv(board: Board) -> str:
    """Return all rows as CSV; numbers with six decimals, lists joined by `;`, nothing for what is undefined."""
    import pandas

    every = chain(long_rows(board), defense_lines(board))
    rows = [{field: _cell(value) for field, value in row.items()} for row in every]
    return str(pandas.DataFrame(rows, columns=list(FIELDS)).to_csv(index=False, lineterminator="\n"))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, int):
        return str(value)
    return csv_cell(";".join(map(str, value)) if isinstance(value, list) else value, PARAGRAPH)


def plain(value: Any) -> Any:
    """Return a value that JSON can hold: infinite numbers become the texts that records use."""
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value
