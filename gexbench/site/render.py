"""From templates to pages; all text of cards and records is escaped."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexbench import __version__
from gexbench.boards.sheet import Column, Link, Sheet
from gexbench.foreign_text import PARAGRAPH, shown
from gexbench.site.addresses import CARDS, COSTS, HOME, SCRIPT, STYLE

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")
_CITED = re.compile(r"\barXiv:? ?(\d{4}\.\d{4,5})\b|\bdoi:? ?(10\.\d{4,9}/[\w.()-]*\w)")


@dataclass(frozen=True)
class Grid:
    """A sheet's table as it stands on a page.

    hrefs: where cells lead, by row and column. links: what follows the text of a cell. anchors: what rows are linked
    by. controls: rows that are references. ticked: rows of which every record was verified.
    """

    sheet: Sheet
    hrefs: dict[tuple[int, int], str] = field(default_factory=dict)
    links: dict[tuple[int, int], tuple[Link, ...]] = field(default_factory=dict)
    anchors: tuple[str, ...] = ()
    controls: frozenset[int] = frozenset()
    ticked: frozenset[int] = frozenset()

    @property
    def name(self) -> int:
        """Return the column that names a row: the first of text."""
        return next((at for at, column in enumerate(self.sheet.columns) if not column.number), 0)


def with_column(sheet: Sheet, column: Column, cells: list[str]) -> Sheet:
    """Return a sheet with one more column, the last."""
    rows = tuple((*row, shown(cell)) for row, cell in zip(sheet.rows, cells, strict=True))
    return replace(sheet, columns=(*sheet.columns, column), rows=rows)


def render(template: str, address: str, **context: Any) -> str:
    """Return a page that lies at `address`; what stands on it comes in plain values, which the template escapes."""
    page = _environment().get_template(template)
    return page.render(root="../" * address.count("/"), address=address, **context)


def cited(text: str) -> Markup:
    """Return a source in words as HTML, in which an arXiv number or a DOI leads to the paper."""
    from markupsafe import Markup

    parts, at, text = Markup(""), 0, shown(text, PARAGRAPH)
    for found in _CITED.finditer(text):
        arxiv, doi = found.groups()
        place = f"https://arxiv.org/abs/{arxiv}" if arxiv else f"https://doi.org/{doi}"
        link = Markup('<a href="{}" rel="noreferrer">{}</a>').format(place, found.group())
        parts, at = parts + text[at : found.start()] + link, found.end()
    return parts + text[at:]


@cache
def _environment() -> Environment:
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    made.filters |= {"cited": cited, "shown": shown}
    made.globals |= {
        "version": __version__,
        "home": HOME,
        "cost_page": COSTS,
        "style": STYLE,
        "script": SCRIPT,
        "kinds": tuple(CARDS.values()),
    }
    return made
