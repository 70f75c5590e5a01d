from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from record_factory import Records
from site_reader import read

from gexbench.cards.catalog import Catalog
from gexbench.site import board_page
from gexbench.site.board_page import board_html
from gexbench.site.packed import packed
from gexbench.site.rows import ranked_grid
from gexbench.site.source import Source

MakeSource = Callable[..., Source]


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


def test_what_an_options_value_says_stays_data(
    source_of: MakeSource, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = records.folder / "attacks" / "evil.toml"
    option = '[options]\nnote = { type = "str", default = "", help = "a note" }'
    card.write_text(f'name = "evil"\nsummary = "An attack."\nentry = "gexbench.attacks.evil:A"\n{option}\n', "utf-8")
    says = "</script><script>alert(1)</script><!--"
    source = source_of(records.seeds((25.0, 25.1, 25.2), attack="evil", settings=(f"note={says}",)))
    monkeypatch.setattr(board_page, "MOST_WIDE", 0)
    text = board_html(source.boards[0])
    assert [tag for tag, _ in read(text).elements].count("script") == 2
    held = re.search(r'id="rows">(.*?)</script>', text)
    assert held is not None
    assert says in json.loads(held[1])["names"][0][0]


@pytest.mark.slow
def test_a_board_of_5000_records_takes_less_than_300_kb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    from site_pages import synthetic

    source, count = synthetic(5000, Catalog.load())
    assert count == 5000
    assert len(board_html(source.boards[0]).encode()) < 300_000
