"""The page of a board: its tables with filters, curves, defenses, ownership, and what was reported elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from gexbench.boards.citation import bibtex, digest, newest
from gexbench.boards.defense_sheets import defense_sheet, joint_sheet
from gexbench.boards.owned import ownership_sheet
from gexbench.boards.rank import Board, Table
from gexbench.boards.row import metric_card
from gexbench.boards.sections import facts, recipes, reported
from gexbench.boards.sheet import Sheet, heading
from gexbench.site.addresses import board_page, plain, table_page
from gexbench.site.figures import Figure, curves, defenses, rows
from gexbench.site.packed import packed
from gexbench.site.render import Grid, render
from gexbench.site.rows import clean, few, ranked_grid
from gexbench.site.table_page import MOST_COMPARED

MOST_WIDE = 300
"""Rows up to which a page holds them all as markup; of more it holds the few columns, as data for its script."""


@dataclass(frozen=True)
class Shown:
    """A table of ranks, and the page that tells more of it. sheets: how many contact sheets lie there."""

    table: Table
    grid: Grid
    page: str
    rows: Figure | None
    sheets: int

    @property
    def against(self) -> str:
        """Return what filters call the table's defense."""
        return self.table.defense or "none"

    @property
    def compares(self) -> bool:
        """Whether the table's page compares any two rows."""
        return sum(row.main() is not None for row in self.table.rows) > 1 and len(self.table.rows) <= MOST_COMPARED


@dataclass(frozen=True)
class Profile:
    """What a page shows of one scale."""

    name: str
    facts: Sheet
    tables: tuple[Shown, ...]
    curves: Figure | None
    defenses: Figure | None
    panels: tuple[Grid, ...]


def board_html(board: Board, pictures: Collection[str] = (), parquet: bool = False) -> str:
    """Return the page of a board. pictures: names of the runs that have one. parquet: whether its rows are so given."""
    profiles = [
        _profile(board, [_shown(board, table, pictures) for table in tables])
        for _, tables in groupby(board.tables, key=lambda table: table.profile)
    ]
    tables = board.tables
    return render(
        "board.html",
        board_page(board),
        board=board,
        slug=plain(board.card.name),
        profiles=profiles,
        choices={
            "profile": list(dict.fromkeys(table.profile for table in tables)),
            "budget": sorted({table.budget for table in tables}),
            "defense": list(dict.fromkeys(table.defense or "none" for table in tables)),
        },
        reported=[Grid(clean(sheet)) for sheet in reported(board)],
        recipes=[Grid(clean(sheet)) for sheet in recipes(board)],
        counts=_counts(board),
        ranked_by=_ranked_by(board),
        wide=_is_wide(board),
        packed=None if _is_wide(board) else packed([shown.grid for profile in profiles for shown in profile.tables]),
        parquet=parquet,
        digest=digest(board),
        bibtex=bibtex(board),
    )


def _shown(board: Board, table: Table, pictures: Collection[str]) -> Shown:
    """Return a table; the drawing of its rows stands beside those of the ranked budget without a defense."""
    drawn = rows(table) if table.headline and not table.defense else None
    sheets = sum(record.run_name in pictures for record in table.records)
    return Shown(table, ranked_grid(board, table, _is_wide(board)), table_page(board, table), drawn, sheets)


def _is_wide(board: Board) -> bool:
    return sum(len(table.rows) for table in board.tables) <= MOST_WIDE


def _ranked_by(board: Board) -> str:
    main = board.task.main
    card = next((metric_card(record, main.metric) for record in board.records[:1]), None)
    return heading(card, main.compare) if card else f"{main.compare} {main.metric}"


def _counts(board: Board) -> list[tuple[str, str]]:
    """Return what a board holds, in words and numbers."""
    every = [row for table in board.tables for row in table.rows]
    counts = {
        "attack": len({row.records[0].plan.attack.name for row in every if not row.control}),
        "row": len(every),
        "record": len(board.records),
    }
    signed = sum(record.seal in board.verified for record in board.records)
    told = [(name if count == 1 else f"{name}s", str(count)) for name, count in counts.items()]
    return [*told, ("verified", str(signed)), ("newest run", newest(board) or "none")]


def _profile(board: Board, shown: Sequence[Shown]) -> Profile:
    tables = [each.table for each in shown]
    name = tables[0].profile
    sheets = (defense_sheet(name, tables), joint_sheet(name, tables), ownership_sheet(name, tables))
    panels = [clean(sheet) for sheet in sheets if sheet is not None]
    return Profile(
        name,
        clean(facts(board, name, tables)),
        tuple(shown),
        curves(tables),
        defenses(tables),
        tuple(Grid(sheet if _is_wide(board) else few(sheet)) for sheet in panels),
    )
