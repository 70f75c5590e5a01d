"""The page of a board: its tables with filters, curves, defenses, ownership, and what was reported elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from gexbench.boards.citation import bibtex, digest, newest
from gexbench.boards.defense_sheets import defense_sheet, joint_sheet
from gexbench.boards.owned import ownership_sheet
from gexbench.boards.rank import Board, Table
from gexbench.boards.sections import facts, recipes, reported
from gexbench.boards.sheet import Sheet
from gexbench.site.addresses import board_page, plain, table_page
from gexbench.site.figures import Figure, curves, defenses
from gexbench.site.render import Grid, render
from gexbench.site.rows import clean, ranked_grid


@dataclass(frozen=True)
class Shown:
    """A table of ranks, the page that tells more of it, and how filters know it."""

    table: Table
    grid: Grid
    page: str

    @property
    def against(self) -> str:
        """Return what filters call the table's defense."""
        return self.table.defense or "none"


@dataclass(frozen=True)
class Profile:
    """What a page shows of one scale."""

    name: str
    facts: Sheet
    tables: tuple[Shown, ...]
    curves: Figure | None
    defenses: Figure | None
    panels: tuple[Grid, ...]


def board_html(board: Board) -> str:
    """Return the page of a board."""
    profiles = [
        _profile(board, name, list(tables)) for name, tables in groupby(board.tables, key=lambda table: table.profile)
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
        digest=digest(board),
        bibtex=bibtex(board),
    )


def _counts(board: Board) -> list[tuple[str, str]]:
    """Return what a board holds, in words and numbers."""
    rows = [row for table in board.tables for row in table.rows]
    attacks = {row.records[0].plan.attack.name for row in rows if not row.control}
    signed = sum(record.seal in board.verified for record in board.records)
    return [
        ("attacks", str(len(attacks))),
        ("rows", str(len(rows))),
        ("records", str(len(board.records))),
        ("verified", str(signed)),
        ("newest run", newest(board) or "none"),
    ]


def _profile(board: Board, name: str, tables: Sequence[Table]) -> Profile:
    sheets = (defense_sheet(name, tables), joint_sheet(name, tables), ownership_sheet(name, tables))
    return Profile(
        name,
        clean(facts(board, name, list(tables))),
        tuple(Shown(table, ranked_grid(board, table), table_page(board, table)) for table in tables),
        curves(tables),
        defenses(tables),
        tuple(Grid(clean(sheet)) for sheet in sheets if sheet is not None),
    )
