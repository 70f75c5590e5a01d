"""Text that others wrote, on its way to a terminal, a page or a table: cards, records, a plug-in's reasons."""

from __future__ import annotations

import unicodedata

LINE = 300
"""Characters of a line that is shown, a cell or a label."""
PARAGRAPH = 4000
_NEEDLESS = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def shown(text: str, most: int = LINE) -> str:
    """Return text on one line of at most `most` characters that does nothing where it is printed.

    Spaces of all kinds become one space each, and whatever else is no visible character (escapes, controls, marks of
    direction, halves of surrogates) a question mark. What is cut ends in `…`. Whether square brackets are markup is the
    printer's affair: give Rich a `Text`, or `markup=False`.
    """
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in cut)


def escaped(text: str, keep: str = "") -> str:
    """Return a text of which nothing may be lost, such as the name of a file: what `shown` turns into `?` is escaped.

    keep: characters that are shown as they are all the same.
    """
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def csv_cell(text: str, most: int = LINE) -> str:
    """Return text for a cell of CSV, which no spreadsheet takes for a formula."""
    cell = shown(text, most)
    return f"'{cell}" if cell.lstrip()[:1] in ("=", "+", "-", "@") else cell


def invisible(text: str, allowed: str = "") -> str | None:
    """Return the first character that only does something: control, direction, surrogate; None where there is none."""
    if text.isprintable():
        return None  # nearly always, and a hundred times as fast to find out
    return next((c for c in text if c not in allowed and unicodedata.category(c) in _NEEDLESS), None)
