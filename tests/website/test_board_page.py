from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from record_factory import Records
from site_reader import Read, read

from gexbench.boards.sections import ranking
from gexbench.boards.sheet import Sheet
from gexbench.site import board_page
from gexbench.site.board_page import board_html
from gexbench.site.rows import few, ranked_grid
from gexbench.site.source import Source

MakeSource = Callable[..., Source]


def test_a_table_has_the_cells_of_the_board_with_date_and_submitter(many: Source) -> None:
    board = many.boards[0]
    for table in board.tables:
        sheet, grid = ranking(board, table), ranked_grid(board, table)
        assert [row[:-2] for row in grid.sheet.rows] == list(sheet.rows)
        assert {row[-2:] for row in grid.sheet.rows} == {("2026-01-01", "gexbench")}


def test_a_table_leads_to_its_comparison_and_its_contact_sheets_where_it_has_some(found: dict[str, Read]) -> None:
    links = found["boards/sr.html"].links
    assert "../tables/sr/mini/100.html#compare" in links
    assert "../tables/sr/mini/100.html#pictures" in links
    assert "../tables/sr/mini/50.html#metrics" in links
    assert not {"../tables/sr/mini/50.html#compare", "../tables/sr/mini/50.html#pictures"} & {*links}


def test_a_board_of_many_rows_holds_the_few_columns(many: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(board_html(many.boards[0]))
    monkeypatch.setattr(board_page, "MOST_WIDE", 3)
    few = read(board_html(many.boards[0]))
    assert "95 % CI of B" in whole.words
    assert "95 % CI of B" not in few.words
    assert not [facts for tag, facts in few.elements if tag == "input" and facts.get("name") == "all"]
    tables = [link for link in whole.links if link.startswith("../tables/") and "#" not in link]
    assert [link for link in few.links if link.startswith("../tables/") and "#" not in link] == tables


def test_a_board_of_many_rows_holds_few_remarks_and_says_how_many_more_there_are() -> None:
    told = ("One.", "Two.", "Three.", "Four.", "Five.")
    assert few(Sheet("", below=told[:4])).below == told[:4]
    assert few(Sheet("", below=told)).below == (*told[:3], "And 2 more remarks on the page of the table.")


def test_a_tick_stands_where_every_record_was_signed_for(many: Source) -> None:
    board = many.boards[0]
    first = board.tables[0].rows[0].records
    some = read(board_html(replace(board, verified=frozenset({first[0].seal}))))
    all_ = read(board_html(replace(board, verified=frozenset(record.seal for record in first))))
    assert "✓" not in some.words
    assert all_.words.count("✓") == 1
    assert "3 verified" in all_.words


def test_a_board_without_records_says_so(source_of: MakeSource, records: Records) -> None:
    board = source_of([records.make()]).boards[0]
    page = read(board_html(replace(board, tables=())))
    assert "No records yet" in page.words
    assert not [tag for tag, _ in page.elements if tag == "form"]
