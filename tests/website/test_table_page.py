from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from record_factory import Records
from site_reader import Read

from gexbench.boards.compare import Question, contest
from gexbench.boards.compare_page import findings
from gexbench.boards.latex import to_latex
from gexbench.boards.rank import Table
from gexbench.boards.sections import page
from gexbench.boards.side import Number
from gexbench.site import table_page
from gexbench.site.source import Source
from gexbench.site.table_page import compared, latex_of

MakeSource = Callable[..., Source]
PLACE = "tables/sr/mini/100.html"


def first(source: Source) -> Table:
    return next(t for t in source.boards[0].tables if t.budget == 100 and not t.defense)


def test_any_two_rows_are_compared_as_board_compare_does(many: Source) -> None:
    board = many.boards[0]
    data = compared(board, first(many))
    assert data is not None
    assert data["rows"] == ["srresnet", "copycat", "srresnet (steps=100)", "bicubic"]
    assert len(data["pairs"]) == 6
    question = Question(board, "mini", Number("psnr-y", "B"))
    for a, b, *texts in data["pairs"]:
        lines = findings(contest(question, data["rows"][a], data["rows"][b])).rows
        assert [data["texts"][text] for text in texts] == [text for _, text in lines]
        assert data["titles"] == [title for title, _ in lines]


def test_the_page_holds_the_comparisons_as_data(found: dict[str, Read], many: Source) -> None:
    page_ = found[PLACE]
    text = next(part for part in page_.text if part.startswith('{"rows"'))
    assert json.loads(text) == compared(many.boards[0], first(many))


def test_a_table_of_one_row_or_of_too_many_has_no_comparison(
    source_of: MakeSource, records: Records, many: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = source_of(records.seeds((27.0, 27.1)))
    assert compared(alone.boards[0], alone.boards[0].tables[0]) is None
    monkeypatch.setattr(table_page, "MOST_COMPARED", 2)
    assert compared(many.boards[0], first(many)) is None


def test_the_latex_is_that_of_board_show(many: Source) -> None:
    body = latex_of(many.boards[0], first(many)).partition(r"\begin{tabular}")[2]
    assert body
    assert body in to_latex(page(many.boards[0]))


def test_every_seed_leads_to_its_record_and_every_row_to_its_card(found: dict[str, Read], many: Source) -> None:
    links = found[PLACE].links
    for row in first(many).rows:
        assert f"../../../attacks/{row.records[0].plan.attack.name}.html" in links
        assert {f"../../../records/{record.run_name}.html" for record in row.records} <= {*links}


def test_contact_sheets_stand_with_words_for_who_does_not_see_them(found: dict[str, Read]) -> None:
    pictures = [facts for tag, facts in found[PLACE].elements if tag == "img"]
    assert len(pictures) == 4
    assert {facts["alt"].partition(" of ")[0] for facts in pictures} == {"Contact sheet"}
    assert {facts["src"].partition("/sr-")[0] for facts in pictures} == {"../../../pictures"}
