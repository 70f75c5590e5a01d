"""The commands that README and docs show, in the order a reader meets them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


class Command(NamedTuple):
    """A line of a console block, without its prompt and comment, and the page it stands on."""

    page: str
    text: str


def in_order() -> list[Path]:
    """Return README and the pages of docs, in the order of the index."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    return [
        ROOT / "README.md",
        *(DOCS / name for name in re.findall(r"^\| \[.+?\]\(([a-z-]+\.md)\)", index, re.MULTILINE)),
    ]


def commands(page: Path) -> Iterator[Command]:
    """Yield the commands of a page's console blocks; those joined by && one by one."""
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.removeprefix("$ ").split("&&"):
                if text := part.split("#")[0].strip():
                    yield Command(page.name, text)


def inline(page: Path) -> Iterator[Command]:
    """Yield what stands in a page's prose as `gexbench …`."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for text in re.findall(r"(?<!`)`(gexbench [^`]+)`(?!`)", prose):
        yield Command(page.name, " ".join(text.split()))
