"""A page as HTML, or tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.boards.sheet import Page, Sheet

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def to_html(page: Page) -> str:
    """Return a page as one HTML file that loads nothing."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    return environment.from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8")).render(page=page)


def to_terminal(page: Page, width: int) -> Iterator[RenderableType]:
    """Yield what a terminal of `width` columns shows of a page: headings, notes and tables, less the folded ones."""
    from rich.text import Text

    spare = next((level for level in (2, 1) if all(_wide(sheet, level) <= width for sheet in page.sheets)), 0)
    yield Text(page.title, style="bold")
    for sheet in page.sheets:
        if sheet.folded:
            continue
        yield Text("\n" + sheet.title, style="bold cyan" if sheet.level == 2 else "bold")
        for note in (*sheet.notes, *(f"- {bullet}" for bullet in sheet.bullets)):
            yield Text(note, style="dim")
        if sheet.columns:
            yield _rich(sheet, spare)
        for line in (*sheet.below, *([f"Picture: {sheet.picture}.png"] if sheet.picture else [])):
            yield Text(line, style="dim")


def _wide(sheet: Sheet, spare: int) -> int:
    """Return how many terminal columns a sheet takes when its columns up to a level of spareness are shown."""
    shown = [at for at, column in enumerate(sheet.columns) if column.spare <= spare and not sheet.folded]
    return sum(max([len(row[at]) for row in sheet.rows] + [_longest_word(sheet.columns[at].title)]) + 3 for at in shown)


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _rich(sheet: Sheet, spare: int) -> Table:
    """Return a table whose numbers never wrap."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = [at for at, column in enumerate(sheet.columns) if column.spare <= spare]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at in shown:
        number, measure = sheet.columns[at].number, len if sheet.columns[at].number else _longest_word
        least = max([measure(row[at]) for row in sheet.rows], default=0)
        table.add_column(Text(sheet.columns[at].title), justify="right" if number else "left", min_width=least)
    for place, row in enumerate(sheet.rows):
        table.add_row(*(Text(row[at]) for at in shown), style="dim" if place in sheet.faint else None)
    return table
