"""A page as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gexbench.boards.sheet import Page, Sheet

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
        yield _table(sheet)
    yield from map(_line, sheet.below)
    if sheet.picture:
        yield f"![{safe(sheet.title)}]({sheet.picture}.png)\n\n[The same as SVG]({sheet.picture}.svg)"
    if sheet.folded:
        yield "</details>"


def _table(sheet: Sheet) -> str:
    """Return a sheet's table; the name of a faint row stands in italics."""
    from tabulate import tabulate

    name = next((at for at, column in enumerate(sheet.columns) if not column.number), 0)
    rows = [[safe(cell) for cell in row] for row in sheet.rows]
    for place in sheet.faint:
        rows[place][name] = f"*{rows[place][name]}*"
    heads = [safe(column.title) for column in sheet.columns]
    sides = ["right" if column.number else "left" for column in sheet.columns]
    return str(tabulate(rows, heads, tablefmt="pipe", colalign=sides if rows else None, disable_numparse=True))
