from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest
from record_factory import Records, changed
from rich.console import Console

from boards.conftest import MakeBoard
from gexbench.boards.flat import to_csv
from gexbench.boards.latex import to_latex
from gexbench.boards.markdown import to_markdown
from gexbench.boards.render import to_html, to_terminal
from gexbench.boards.sections import page
from gexbench.boards.sheet import Column, Link, Page, Sheet, visible
from gexbench.cards.schema import Option
from gexbench.foreign_text import PARAGRAPH


@pytest.fixture
def shown(records: Records, board_of: MakeBoard) -> Page:
    runs = [*records.seeds((26.0, 27.0, 28.0)), records.make("bicubic"), records.make(defense="jpeg")]
    return page(board_of(*runs))


def terminal(page: Page, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    for part in to_terminal(page, width):
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


class Tags(HTMLParser):
    """Check that what is opened is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_one_closed_page_that_loads_nothing(shown: Page) -> None:
    tags = Tags()
    tags.feed(to_html(shown))
    assert tags.open == []
    assert {"table", "details", "h1", "h2", "h3", "ul"} <= set(tags.seen)
    assert not {"link", "img"} & set(tags.seen)
    assert tags.seen.count("script") == 1
    assert "src=" not in to_html(shown)


def test_a_row_of_the_html_links_to_its_records(records: Records, board_of: MakeBoard) -> None:
    runs = records.seeds((26.0, 27.0, 28.0))
    text = to_html(page(board_of(*runs)))
    links = [f'<a href="records/{run.plan.run_name}.json">{run.plan.seed}</a>' for run in runs]
    assert " ".join(links) in text
    assert records.make().plan.run_name not in to_markdown(page(board_of(*runs)))


def test_a_link_leads_below_records_and_nowhere_else() -> None:
    evil = Link("<b>\u202e", 'records/" onclick="x()\x1b.json')
    text = to_html(visible(Page("t", (), "g", (Sheet("s", columns=(Column("a"),), rows=(("1",),), links=((evil,),)),))))
    assert '<a href="records/%22%20onclick%3D%22x%28%29%3F.json">&lt;b&gt;?</a>' in text


def test_html_shows_text_from_records_as_text() -> None:
    sheet = Sheet("<b>", columns=(Column("a & b"),), rows=(("<script>evil",),))
    assert "&lt;script&gt;evil" in to_html(Page("t", (), "g", (sheet,)))
    assert "<script>evil" not in to_html(Page("t", (), "g", (sheet,)))


def test_a_wide_terminal_shows_every_column(shown: Page) -> None:
    text = terminal(shown, 200)
    assert all(title in text for title in ("rank", "95 % CI of", "B set14", "status", "marks"))


@pytest.mark.parametrize("width", [80, 100])
def test_a_narrow_terminal_leaves_out_columns_but_cuts_no_number(shown: Page, width: int) -> None:
    text = terminal(shown, width)
    assert "B set14" not in text
    assert "26.5 ± 1.0" in text
    assert max(map(len, text.splitlines())) <= width


def test_brackets_in_names_are_not_taken_for_styles() -> None:
    sheet = Sheet("T", columns=(Column("name", False),), rows=(("[red]x[/red]",),))
    assert "[red]x[/red]" in terminal(Page("t", (), "g", (sheet,)), 80)


EVIL = "\x1b[31m[red]=1+1\u202e\x00 | <b>$x$ \n" + "a" * 5000


def test_a_label_from_elsewhere_does_nothing_in_any_format(records: Records, board_of: MakeBoard) -> None:
    record = records.make()
    options = {**record.plan.attack.options, "note": Option(type="str", default="", help="a note")}
    record = changed(
        changed(record, "plan.attack.options", options), "plan.options", {**record.plan.options, "note": EVIL}
    )
    record = changed(record, "plan.victim.name", EVIL)
    board = board_of(record)
    seen = page(board)
    for text in (to_markdown(seen), to_html(seen), to_latex(seen), to_csv(board), terminal(seen, 200)):
        text.encode("utf-8")
        assert not set("\x1b\u202e\x00") & set(text)
        assert "a" * (PARAGRAPH + 1) not in text
    assert "srresnet (note=?\\[31m\\[red\\]=1+1??" in to_markdown(seen)
    assert "srresnet (note=?[31m[red]=1+1?? | <b>" in to_csv(board)


def test_lines_below_a_table_stand_below_it_as_text_in_every_format() -> None:
    sheet = Sheet("T", columns=(Column("head"),), rows=(("1",),), below=("a <b> & 5 %",))
    made = visible(Page("P", (), "g", (sheet,)))
    wanted = {
        to_markdown(made): r"a \<b\> &amp; 5 %",
        to_html(made): "<p>a &lt;b&gt; &amp; 5 %</p>",
        to_latex(made): r"a $<$b$>$ \& 5 \%",
        terminal(made, 80): "a <b> & 5 %",
    }
    for text, line in wanted.items():
        assert 0 <= text.index("head") < text.index(line)
