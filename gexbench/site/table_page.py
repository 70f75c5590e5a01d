"""The page of one table of a board: all its numbers, any two rows compared, contact sheets, and how it is cited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from gexbench.boards.citation import bibtex
from gexbench.boards.compare import Question, contests_of
from gexbench.boards.compare_page import findings
from gexbench.boards.latex import to_latex
from gexbench.boards.rank import Board, Table
from gexbench.boards.row import Row
from gexbench.boards.sections import GUIDE, details, ranking
from gexbench.boards.sheet import Link, Page, visible
from gexbench.boards.side import Number
from gexbench.foreign_text import shown
from gexbench.site.addresses import board_page, card_page, picture, record_page, row_anchor, table_page
from gexbench.site.figures import rows
from gexbench.site.render import Grid, render
from gexbench.site.rows import clean, ranked_grid, title_of

MOST_COMPARED = 40
"""Rows up to which a page holds the comparison of any two."""


class Picture(NamedTuple):
    """A contact sheet: whose it is, of what seed, and where it lies."""

    row: str
    seed: int
    place: str
    record: str


def table_html(board: Board, table: Table, pictures: Mapping[str, Path]) -> str:
    """Return the page of a table. pictures: by the names of runs that have one."""
    grid = ranked_grid(board, table)
    seeds = next(at for at, column in enumerate(grid.sheet.columns) if column.title == "seeds")
    links = {(at, seeds): _links(row) for at, row in enumerate(table.rows)}
    anchors = tuple(row_anchor(row.label) for row in table.rows)
    cards = {(at, grid.name): card_page(row.records[0].plan.attack) for at, row in enumerate(table.rows)}
    return render(
        "table.html",
        table_page(board, table),
        board=board,
        up=board_page(board),
        title=shown(title_of(board, table)),
        grid=replace(grid, links=links, anchors=anchors, hrefs=cards),
        details=Grid(clean(replace(details(table), links=()))),
        rows=rows(table),
        pictures=[
            Picture(shown(row.label), r.plan.seed, picture(r), record_page(r))
            for row in table.rows
            for r in row.records
            if r.run_name in pictures
        ],
        pairs=compared(board, table),
        latex=latex_of(board, table),
        bibtex=bibtex(board),
    )


def _links(row: Row) -> tuple[Link, ...]:
    return tuple(Link(str(record.plan.seed), record_page(record)) for record in row.records)


def latex_of(board: Board, table: Table) -> str:
    """Return the table as LaTeX for a paper."""
    return to_latex(visible(Page(board.card.taken, (), GUIDE, (ranking(board, table),))))


def compared(board: Board, table: Table) -> dict[str, Any] | None:
    """Return what `board compare` finds of any two rows, as data for the page; None without two rows, or of too many.

    rows: names. titles: of the findings. texts: each said once. pairs: two places in rows, then places in texts.
    """
    main = board.task.main
    question = Question(board, table.profile, Number(main.metric, main.compare))
    if len(table.rows) > MOST_COMPARED:
        return None
    found = contests_of(question, table)
    if not found:
        return None
    names = list(dict.fromkeys(side.name for contest in found for side in (contest.a, contest.b)))
    texts: dict[str, int] = {}
    pairs, titles = [], list[str]()
    for contest in found:
        lines = clean(findings(contest)).rows
        titles = [title for title, _ in lines]
        said = [texts.setdefault(text, len(texts)) for _, text in lines]
        pairs.append([names.index(contest.a.name), names.index(contest.b.name), *said])
    return {"rows": [shown(name) for name in names], "titles": titles, "texts": list(texts), "pairs": pairs}
