"""Rows of boards as tables on a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gexbench.boards.defended import main_card
from gexbench.boards.rank import Board, Table
from gexbench.boards.row import Row
from gexbench.boards.sections import ranking, table_title
from gexbench.boards.sheet import NOTHING, Column, Page, Sheet, visible, with_std
from gexbench.site.addresses import row_anchor, table_page
from gexbench.site.render import Grid, with_column
from gexbench.site.source import Spot

HOUSE = "gexbench"
"""Who brought the attacks that have no namespace."""
MOST_BELOW = 3


def clean(sheet: Sheet) -> Sheet:
    """Return a sheet whose text does nothing where it is shown."""
    return visible(Page("", (), "", (sheet,))).sheets[0]


def few(sheet: Sheet) -> Sheet:
    """Return a sheet with the columns that nobody can spare, and the first of the lines below it."""
    more = len(sheet.below) - MOST_BELOW
    below = (
        (*sheet.below[:MOST_BELOW], f"And {more} more remarks on the page of the table.") if more > 1 else sheet.below
    )
    return replace(sheet.only([at for at, column in enumerate(sheet.columns) if not column.spare]), below=below)


def day(row: Row) -> str:
    """Return the day on which the last of a row's runs began."""
    return max(record.started for record in row.records)[:10]


def submitter(row: Row) -> str:
    """Return who brought an attack: the namespace of its name."""
    namespace, slash, _ = row.records[0].plan.attack.name.partition("/")
    return namespace if slash else HOUSE


def verified(board: Board, table: Table) -> frozenset[int]:
    """Return the places of rows of which every record was signed for."""
    return frozenset(at for at, row in enumerate(table.rows) if board.status(row) == "verified")


def ranked_grid(board: Board, table: Table, wide: bool = True) -> Grid:
    """Return a table of ranks, whose rows lead to the page of the table; wide: with dates, submitters and all else."""
    sheet = with_column(clean(ranking(board, table)), Column("date", False, 2), [day(row) for row in table.rows])
    sheet = with_column(sheet, Column("by", False, 2), [submitter(row) for row in table.rows])
    if not wide:
        sheet = few(sheet)
    page = table_page(board, table)
    name = next(at for at, column in enumerate(sheet.columns) if not column.number)
    return Grid(
        sheet,
        hrefs={(at, name): f"{page}#{row_anchor(row.label)}" for at, row in enumerate(table.rows)},
        controls=frozenset(at for at, row in enumerate(table.rows) if row.control),
        ticked=verified(board, table),
    )


def result_grid(title: str, spots: Sequence[Spot], measured: Iterable[tuple[str, list[str]]] | None = None) -> Grid:
    """Return rows of any boards: where each stands, what it reached, and when.

    measured: columns of numbers, a cell a row; the task's main number when left out.
    """
    numbers = list(measured) if measured is not None else [("main number", [_main(spot) for spot in spots])]
    where = ("task", "profile", "queries", "defense", "attack", "rank")
    columns = [Column(title, title in ("queries", "rank")) for title in where]
    columns += [Column(title) for title, _ in numbers]
    columns += [Column("seeds"), Column("date", False, 1)]
    rows = [
        (
            spot.board.card.taken,
            spot.table.profile,
            str(spot.table.budget),
            spot.table.defense or "none",
            spot.row.label,
            NOTHING if spot.row.rank is None else str(spot.row.rank),
            *(cells[at] for _, cells in numbers),
            str(len(spot.row.seeds)),
            day(spot.row),
        )
        for at, spot in enumerate(spots)
    ]
    sheet = clean(Sheet(title, 2, columns=tuple(columns), rows=tuple(rows)))
    hrefs = {(at, 4): f"{table_page(s.board, s.table)}#{row_anchor(s.row.label)}" for at, s in enumerate(spots)}
    return Grid(sheet, hrefs, controls=frozenset(at for at, spot in enumerate(spots) if spot.row.control))


def _main(spot: Spot) -> str:
    card, main = main_card(spot.table), spot.board.task.main
    value = with_std(spot.row.main(), card)
    return value if value == NOTHING else f"{value} ({main.compare} {card.name} {card.arrow})"


def title_of(board: Board, table: Table) -> str:
    """Return the name of a table's page."""
    return f"{board.card.taken} at {table_title(table)}"
