"""A page of the columns that a user chose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gexbench.boards.sheet import Page, Sheet
from gexbench.errors import BoardError, nearest
from gexbench.foreign_text import shown


def with_columns(page: Page, chosen: Sequence[str]) -> Page:
    """Return the page's tables that have all the chosen columns, with these alone, in their order.

    chosen: names, or several with commas between, as they stand above a table; the metric's unit and arrow can be left
    out. Raises BoardError for a name that stands nowhere, and where no table has them all.
    """
    known = dict.fromkeys(_plain(column.title) for sheet in page.sheets for column in sheet.columns)
    names = list(dict.fromkeys(name for text in chosen for name in _names(text, known)))
    for name in names:
        if name not in known:
            raise BoardError(f"no table has a column {shown(name)!r}", nearest(name, known))
    sheets = tuple(found for sheet in page.sheets if (found := _chosen(sheet, names)) is not None)
    if not sheets:
        raise BoardError(f"no table has all the columns {shown(', '.join(names))}", "ask for fewer of them at a time")
    return replace(page, sheets=sheets)


def _names(text: str, known: dict[str, None]) -> list[str]:
    """Return the names in a text; one with commas of its own, such as an attack's with options, may stand alone."""
    parts = [text] if _plain(text) in known else text.split(",")
    return [_plain(part) for part in parts if part.strip()]


def _plain(title: str) -> str:
    """Return a heading without unit and arrow."""
    return re.sub(r"(, [^,]+)? (↑|↓|→ \S+)$", "", title.strip())


def _chosen(sheet: Sheet, names: Sequence[str]) -> Sheet | None:
    titles = [_plain(column.title) for column in sheet.columns]
    if not titles or not set(names) <= set(titles):
        return None
    found = sheet.only([at for name in names for at, title in enumerate(titles) if title == name])
    columns = tuple(column._replace(spare=0) for column in found.columns)
    return replace(found, columns=columns, folded=False)
