"""What the pages of a site hold, as a browser would read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from gexbench.site.build import pages
from gexbench.site.source import Source

EMPTY = {"meta", "link", "input", "img", "br"}
LOADS = {"src", "srcset", "data", "poster", "action", "formaction"}


@dataclass
class Read(HTMLParser):
    """One page: its text, its elements with their attributes, and what was left open."""

    text: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in EMPTY:
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        """Return all text with single spaces."""
        return " ".join(" ".join(self.text).split())

    @property
    def links(self) -> list[str]:
        """Return where elements lead."""
        return [facts["href"] for _, facts in self.elements if "href" in facts]

    @property
    def ids(self) -> list[str]:
        """Return the names of places on the page."""
        return [facts["id"] for _, facts in self.elements if "id" in facts]


def read(text: str) -> Read:
    """Return a page; every element on it is closed."""
    page = Read()
    page.feed(text)
    page.close()
    assert page.opened == []
    return page


def html(source: Source) -> dict[str, Read]:
    """Return the pages of a site by their places."""
    return {place: read(content.decode()) for place, content in pages(source) if place.endswith(".html")}
