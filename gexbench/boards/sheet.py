"""A page as plain text cells, before it becomes Markdown, LaTeX, HTML or a table on the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gexbench.boards.spread import Spread
from gexbench.cards.schema import MetricCard
from gexbench.foreign_text import PARAGRAPH, shown

NOTHING = "—"
MINUS = "−"
CELL = 1000
"""Characters of a cell; the recipes of metrics have some five hundred."""


class Column(NamedTuple):
    """A column's heading, whether it holds numbers, and when a terminal too narrow leaves it out: 0 never, 2 first."""

    title: str
    number: bool = True
    spare: int = 0


class Link(NamedTuple):
    """What is pressed, and a place, from the folder of the page."""

    text: str
    place: str


@dataclass(frozen=True)
class Sheet:
    """A section of a page: lines of text, and a table where it has columns.

    level: 2 or 3, of its heading. faint: rows that are not ranked. folded: shown on request, where the format can.
    below: lines under the table. links: of each row, to its records, where the format can; for all rows or none.
    picture: the file name of one beside the page, less its endings png and svg. best: the places, row and column, of
    what is best among ranked rows. caption, label: what a paper says of the table and refers to it by.
    """

    title: str
    level: int = 2
    notes: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    faint: frozenset[int] = frozenset()
    folded: bool = False
    bullets: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    links: tuple[tuple[Link, ...], ...] = ()
    picture: str = ""
    best: frozenset[tuple[int, int]] = frozenset()
    caption: str = ""
    label: str = ""

    def only(self, places: Sequence[int]) -> Sheet:
        """Return the sheet with the columns at these places, in their order."""
        return replace(
            self,
            columns=tuple(self.columns[at] for at in places),
            rows=tuple(tuple(row[at] for at in places) for row in self.rows),
            best=frozenset((row, new) for new, at in enumerate(places) for row, column in self.best if column == at),
        )


@dataclass(frozen=True)
class Page:
    """A heading, an introduction, where to read more (a path from the repository's root), and sections."""

    title: str
    lead: tuple[str, ...]
    guide: str
    sheets: tuple[Sheet, ...]


def visible(page: Page) -> Page:
    """Return a page whose text does nothing where it is printed, however it came to be there; see `foreign_text`."""
    sheets = tuple(
        replace(
            sheet,
            title=shown(sheet.title),
            caption=shown(sheet.caption, PARAGRAPH),
            label=shown(sheet.label),
            notes=tuple(shown(text, PARAGRAPH) for text in sheet.notes),
            bullets=tuple(shown(text, PARAGRAPH) for text in sheet.bullets),
            below=tuple(shown(text, PARAGRAPH) for text in sheet.below),
            columns=tuple(column._replace(title=shown(column.title)) for column in sheet.columns),
            rows=tuple(tuple(shown(cell, CELL) for cell in row) for row in sheet.rows),
            links=tuple(tuple(Link(shown(link.text), shown(link.place, CELL)) for link in row) for row in sheet.links),
        )
        for sheet in page.sheets
    )
    lead = tuple(shown(text, PARAGRAPH) for text in page.lead)
    return replace(page, title=shown(page.title), lead=lead, sheets=sheets)


def heading(card: MetricCard, compare: str = "", test: str = "") -> str:
    """Return a column's heading, such as `B psnr-y set5, dB ↑`; the unit 1 goes without saying."""
    words = " ".join(word for word in (compare, card.name, test) if word)
    return f"{words} {card.arrow}" if card.unit in ("", "1") else f"{words}, {card.unit} {card.arrow}"


def number(value: float | None, card: MetricCard, std: float | None = None) -> str:
    """Return a number with as many digits as it deserves: two of its standard deviation where that is known, else five.

    At most two stand after the point for dB, four otherwise.
    """
    if value is None:
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else MINUS + "∞"
    size, kept = (std, 1) if std else (abs(value) or 1.0, 4)
    places = min(2 if card.unit == "dB" else 4, max(0, kept - math.floor(math.log10(size))))
    text = f"{value:.{places}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def with_std(value: Spread | None, card: MetricCard) -> str:
    """Return mean ± sample standard deviation, or the mean alone where seeds change nothing or there is one.

    Without a deviation the error over test images says how many digits there are.
    """
    if value is None:
        return NOTHING
    std = None if value.still else value.std
    deviation = f" ± {number(std, card, std)}" if std is not None else ""
    return number(value.mean, card, std or value.se) + deviation


def interval(low: float | None, high: float | None, card: MetricCard, std: float | None = None) -> str:
    """Return `low … high`."""
    return NOTHING if low is None or high is None else f"{number(low, card, std)} … {number(high, card, std)}"


def count(value: float) -> str:
    """Return a mean of counts: whole where it is whole."""
    return str(int(value)) if value == int(value) else f"{value:.1f}"
