"""Rows of many tables as data, of which a page's script makes them: a third of the bytes that markup takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gexbench.site.render import Grid

TICK = "v"


def packed(grids: Sequence[Grid]) -> dict[str, Any]:
    """Return the rows of tables for a script.

    names: each a row's name and its place on the page of its table, said once. tables: of each its rows, which are the
    place in names, letters for their kind (c control, f faint, v verified), and the other cells in order; the best of
    a column comes in brackets.
    """
    names: dict[tuple[str, str], int] = {}
    tables = [[_row(grid, at, names) for at in range(len(grid.sheet.rows))] for grid in grids]
    return {"names": [list(each) for each in names], "tables": tables}


def _row(grid: Grid, at: int, names: dict[tuple[str, str], int]) -> list[Any]:
    cells = grid.sheet.rows[at]
    led = grid.hrefs[at, grid.name].partition("#")[2]
    name = names.setdefault((cells[grid.name], led), len(names))
    kind = "c" if at in grid.controls else "f" if at in grid.sheet.faint else ""
    others = [
        [cell] if (at, place) in grid.sheet.best else cell for place, cell in enumerate(cells) if place != grid.name
    ]
    return [name, kind + TICK * (at in grid.ticked), *others]
