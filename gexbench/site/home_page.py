"""The first page of a site: every board, and what leads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gexbench.boards.citation import newest
from gexbench.boards.defended import main_card
from gexbench.boards.rank import Board, Table
from gexbench.boards.row import Row
from gexbench.boards.sheet import heading, with_std
from gexbench.foreign_text import shown
from gexbench.site.addresses import HOME, board_page, row_anchor, table_page
from gexbench.site.render import render
from gexbench.site.source import Source

LEADING = 3


class Line(NamedTuple):
    """A row in short: its rank, or what it is instead, its name, its number, where it stands."""

    rank: str
    name: str
    number: str
    place: str


class Short(NamedTuple):
    """One scale of a board in short."""

    profile: str
    number: str
    page: str
    lines: tuple[Line, ...]
    more: int


class Entry(NamedTuple):
    """A board in short."""

    board: Board
    page: str
    newest: str
    records: int
    scales: tuple[Short, ...]


def home_html(source: Source) -> str:
    """Return the first page."""
    entries = [
        Entry(board, board_page(board), newest(board), len(board.records), tuple(_scales(board)))
        for board in source.boards
    ]
    records = sum(entry.records for entry in entries)
    return render("home.html", HOME, entries=entries, records=records, parquet=source.parquet)


def _scales(board: Board) -> Iterator[Short]:
    for table in board.tables:
        if table.headline and not table.defense:
            card, page = main_card(table), table_page(board, table)
            ranked = [row for row in table.rows if row.rank is not None]
            lines = [_line(table, row, page) for row in (*ranked[:LEADING], *_controls(table))]
            number = shown(heading(card, board.task.main.compare))
            yield Short(table.profile, number, page, tuple(lines), max(0, len(ranked) - LEADING))


def _controls(table: Table) -> list[Row]:
    """Return the first control that has the main number: mostly the floor."""
    return [row for row in table.rows if row.control and row.main() is not None][:1]


def _line(table: Table, row: Row, page: str) -> Line:
    rank = "control" if row.control else str(row.rank)
    return Line(rank, shown(row.label), with_std(row.main(), main_card(table)), f"{page}#{row_anchor(row.label)}")
