"""A page as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from gexbench.boards.sheet import Column, Page, Sheet

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")


def to_markdown(page: Page) -> str:
    """Return a page as Markdown that GitHub shows; every cell is escaped, so that no record can add markup."""
    guide = f"[How to read this page](../../{page.guide}), and what a board refuses."
    blocks = [f"# {safe(page.title)}", *map(_line, page.lead), guide]
    for sheet in page.sheets:
        blocks += _sheet(sheet)
    return "\n\n".join(blocks) + "\n"


def safe(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    visible = "".join(c if c.isprintable() else " " for c in text)
    return _SPECIAL.sub(r"\\\1", visible.replace("&", "&amp;"))


def _line(text: str) -> str:
    """Escape a line, less what stands between backticks, which is code."""
    return "".join(part if at % 2 else safe(part) for at, part in enumerate(re.split(r"(`[^`<>]*`)", text)))


def _sheet(sheet: Sheet) -> Iterator[str]:
    if sheet.folded:
        yield f"<details><summary>{safe(sheet.title)}</summary>"
    else:
        yield "#" * sheet.level + " " + safe(sheet.title)
    yield from map(_line, sheet.notes)
    if sheet.bullets:
        yield "\n".join(f"- {_line(text)}" for text in sheet.bullets)
    if sheet.columns:
        yield "\n".join(_table(sheet.columns, sheet.rows, sheet.faint))
    if sheet.folded:
        yield "</details>"


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], faint: Iterable[int]) -> Iterator[str]:
    references, name = set(faint), next((at for at, column in enumerate(columns) if not column.number), 0)
    yield _row(safe(column.title) for column in columns)
    yield _row("---:" if column.number else ":---" for column in columns)
    for place, row in enumerate(rows):
        cells = [safe(cell) for cell in row]
        yield _row(f"*{cell}*" if place in references and at == name else cell for at, cell in enumerate(cells))


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
