from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from site_reader import read

from gexbench.site import board_page
from gexbench.site.board_page import board_html
from gexbench.site.packed import packed
from gexbench.site.rows import ranked_grid
from gexbench.site.source import Source


def test_rows_come_back_from_their_data(many: Source) -> None:
    board = many.boards[0]
    grids = [ranked_grid(board, table, wide=False) for table in board.tables]
    data = packed(grids)
    for grid, rows in zip(grids, data["tables"], strict=True):
        for at, (key, kind, *cells) in enumerate(rows):
            name, place = data["names"][key]
            plain = [cell[0] if isinstance(cell, list) else cell for cell in cells]
            assert (*plain[: grid.name], name, *plain[grid.name :]) == grid.sheet.rows[at]
            assert grid.hrefs[at, grid.name].endswith(f".html#{place}")
            assert ("c" in kind) == (at in grid.controls)
            best = {place for place in range(len(grid.sheet.columns)) if (at, place) in grid.sheet.best}
            assert len(best) == sum(isinstance(cell, list) for cell in cells)


def test_a_name_is_said_once_for_all_tables(many: Source) -> None:
    board = many.boards[0]
    names = packed([ranked_grid(board, table, wide=False) for table in board.tables])["names"]
    assert len(names) == len({row.label for table in board.tables for row in table.rows})


def test_what_was_verified_is_marked(many: Source) -> None:
    board = many.boards[0]
    signed = replace(board, verified=frozenset(record.seal for record in board.tables[0].rows[0].records))
    rows = packed([ranked_grid(signed, board.tables[0], wide=False)])["tables"][0]
    assert [kind for _, kind, *_ in rows] == ["v", "", "f", "c", "c"]


def test_a_large_board_holds_its_rows_as_data_and_says_where_they_are_without_a_script(
    many: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_page, "MOST_WIDE", 3)
    text = board_html(many.boards[0])
    held = re.search(r'<script type="application/json" id="rows">(.*?)</script>', text)
    assert held is not None
    assert len(json.loads(held[1])["tables"]) == len(many.boards[0].tables)
    assert "#row-" not in text
    assert "Without it the heading of each table leads to a page that has them" in read(text).words
