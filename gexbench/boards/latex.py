"""A page's tables as LaTeX, which goes into a paper as it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from gexbench.boards.sheet import Column, Page, Sheet

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "∞": r"$\infty$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "◆": r"$\diamond$",
    "—": "---",
    "–": "--",
    "…": r"\dots{}",
    "<": "$<$",
    ">": "$>$",
    "`": "'",
    "[": "{[}",  # after a row's end, brackets and stars are LaTeX's
    "]": "{]}",
    "*": "{*}",
    "|": r"\textbar{}",
    "→": r"$\rightarrow$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "·": r"$\cdot$",
    "’": "'",
    "“": "``",
    "”": "''",
}


HEAD = r"""% {title}
% Wants \usepackage{{booktabs,graphicx}}; a table that is too wide is made smaller."""


def to_latex(page: Page) -> str:
    """Return a page's tables with captions and labels, less the folded ones and the columns that are least needed."""
    labels: set[str] = set()
    parts = [HEAD.format(title=latex(page.title))]
    for sheet in page.sheets:
        if sheet.columns and not sheet.folded:
            parts.append("\n".join(_table(_narrow(sheet), page, _label(sheet, page, labels))))
    return "\n\n".join(parts) + "\n"


def latex(text: str) -> str:
    """Return text that LaTeX prints as it is, on one line; what its usual fonts lack becomes a plainer letter or ?."""
    visible = "".join(c if c.isprintable() else " " for c in text)
    return "".join(_letter(c) + ("{}" if c == after == "-" else "") for c, after in pairwise(f"{visible} "))


def _letter(c: str) -> str:
    if c in _LATEX:
        return _LATEX[c]
    if c.isascii() or (c.isalpha() and unicodedata.name(c, "").startswith("LATIN") and ord(c) < 0x180):
        return c
    return "".join(map(_letter, plain)) if (plain := unicodedata.normalize("NFKD", c)) != c and plain.isascii() else "?"


def _narrow(sheet: Sheet) -> Sheet:
    return sheet.only([at for at, column in enumerate(sheet.columns) if column.spare < 2])


def _label(sheet: Sheet, page: Page, taken: set[str]) -> str:
    """Return a label that no other table of the page has."""
    words = sheet.label or f"{page.title.split()[-1]} {sheet.title}"
    stem = "tab:" + re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    label = next(each for each in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if each not in taken)
    taken.add(label)
    return label


def _table(sheet: Sheet, page: Page, label: str) -> Iterator[str]:
    caption = sheet.caption or " ".join((f"{page.title}: {sheet.title}.", *sheet.notes))
    yield r"\begin{table}"
    yield rf"\caption{{{latex(caption)}}}"
    yield rf"\label{{{label}}}"
    yield r"\centering"
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    yield rf"\begin{{tabular}}{{{''.join(map(_side, sheet.columns))}}}"
    yield r"\toprule"
    yield _row([latex(column.title) for column in sheet.columns])
    yield r"\midrule"
    for place, row in enumerate(sheet.rows):
        if place and place in sheet.faint and not sheet.faint & set(range(place)):
            yield r"\midrule"
        cells = [latex(cell) for cell in row]
        yield _row([rf"\textbf{{{cell}}}" if (place, at) in sheet.best else cell for at, cell in enumerate(cells)])
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    if sheet.bullets or sheet.below:
        yield r"\par\footnotesize"
        yield from map(latex, (*sheet.bullets, *sheet.below))
    yield r"\end{table}"


def _side(column: Column) -> str:
    return "r" if column.number else "l"


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
