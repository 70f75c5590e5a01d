"""One page of what a device does, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Cell = str | int | float | None


@dataclass
class Page:
    """Sections of rows; rows of one section have the same columns."""

    facts: Mapping[str, Cell]
    sections: dict[str, list[Mapping[str, Cell]]] = field(default_factory=dict)

    def add(self, section: str, **row: Cell) -> None:
        """Put a row below a section."""
        self.sections.setdefault(section, []).append(row)

    def text(self) -> str:
        """Return the page for reading."""
        lines = ["  ".join(f"{key} {_shown(value)}" for key, value in self.facts.items())]
        for section, rows in self.sections.items():
            lines += ["", section, *_table(rows)]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        """Write gpu-page.json and gpu-page.txt."""
        content = json.dumps({**self.facts, "sections": self.sections}, indent=1)
        (folder / "gpu-page.json").write_text(content + "\n", encoding="utf-8")
        (folder / "gpu-page.txt").write_text(self.text(), encoding="utf-8")


def _table(rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    cells = [list(rows[0]), *([_shown(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def _shown(value: Cell) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
