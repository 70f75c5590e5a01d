from __future__ import annotations

from gexbench.boards.markdown import safe, to_markdown
from gexbench.boards.sheet import Column, Page, Sheet


def shown(sheet: Sheet) -> str:
    return to_markdown(Page("Board", ("Lead with `code_here`.",), "docs/guide.md", (sheet,)))


def test_a_table_has_a_heading_an_alignment_and_rows() -> None:
    sheet = Sheet("Title", 3, ("A note.",), (Column("name", False), Column("value")), (("a", "1"), ("b", "2")))
    table = "| name   |   value |\n|:-------|--------:|\n| a      |       1 |\n| b      |       2 |\n"
    assert shown(sheet).endswith("### Title\n\nA note.\n\n" + table)


def test_rows_that_are_not_ranked_have_an_italic_name() -> None:
    columns, rows = (Column("rank"), Column("name", False)), (("1", "a"), ("—", "b"))
    sheet = Sheet("T", columns=columns, rows=rows, faint=frozenset({1}))
    assert "|      1 | a      |\n|      — | *b*    |" in shown(sheet)


def test_folded_sections_can_be_opened() -> None:
    assert "<details><summary>T</summary>\n\nNote\n\n</details>" in shown(Sheet("T", notes=("Note",), folded=True))


def test_the_guide_is_linked_from_the_boards_folder() -> None:
    assert "[How to read this page](../../docs/guide.md)" in shown(Sheet("T"))


def test_code_in_a_line_stays_code() -> None:
    assert "Lead with `code_here`." in shown(Sheet("T"))


def test_text_from_records_cannot_become_markup() -> None:
    assert safe("a|b") == r"a\|b"
    assert safe("<script>") == r"\<script\>"
    assert safe("![x](y)\n# no") == r"!\[x\](y) \# no"
    assert safe("a\u202eb") == "a b"
