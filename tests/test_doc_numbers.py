"""Every number in a table of README and docs stands in the source that the line above the table names.

A table with decimal numbers follows a comment `<!-- numbers: FILE ... -->`: board CSVs, records, cards, or outputs of
benchmarks that are kept in benchmarks/results, by the names of rows. Of a CSV, ` where column=value` takes some lines,
and a row of the table those of the task and the profile that it names. `<!-- numbers: by definition -->` marks what
nobody measured. A paragraph of prose under such a comment is held to it in the same way.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted((ROOT / "docs").glob("*.md"))
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
DEFINED = "by definition"
SOURCE = re.compile(r"<!-- numbers: (.+?) -->")
NUMBER = r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?"
DECIMAL = re.compile(rf"(?<![\w.])(?=[^\s]*[.e]){NUMBER}(?![\w.]*\d)")
ALONE = re.compile(rf"(?:about )?({NUMBER})(?: (?:dB|s|MiB|GiB|each))?")
SPREAD = re.compile(rf"({NUMBER}) ± ({NUMBER})")
DRAWN = "│"
"""How the lines of a table in a terminal begin."""


@dataclass(frozen=True)
class Table:
    """A table of a page: its first line's number, what the comment above names, and the cells of its rows."""

    page: Path
    line: int
    source: str
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        """Return where it stands."""
        return f"{self.page.name}:{self.line}"


def tables(page: Path) -> Iterator[Table]:
    """Yield the tables of a page, those that a terminal drew too."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for start, line in enumerate(lines):
        if not line.startswith(("|", DRAWN)) or lines[start - 1].startswith(line[0]):
            continue
        end = next((n for n in range(start, len(lines)) if not lines[n].startswith(line[0])), len(lines))
        named = SOURCE.search("\n".join(_above(lines, start)))
        rows = tuple(tuple(cell.strip() for cell in re.split(r"[|│]", row)) for row in lines[start:end])
        yield Table(page, start + 1, named.group(1) if named else "", rows)


def paragraphs(page: Path) -> Iterator[Table]:
    """Yield the paragraphs of prose that stand under a comment with a source, each as a table of one cell."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for start, line in enumerate(lines[1:], start=1):
        named = SOURCE.search(lines[start - 1])
        if named and line and not line.startswith(("|", DRAWN, "```")):
            end = next((n for n in range(start, len(lines)) if not lines[n]), len(lines))
            yield Table(page, start + 1, named.group(1), ((" ".join(lines[start:end]),),))


def _above(lines: list[str], start: int) -> list[str]:
    """Return the line above a table, or above the code block that it stands in."""
    if lines[start].startswith(DRAWN):
        start = max(n for n in range(start) if lines[n].startswith("```"))
    return lines[max(0, start - 2) : start]


TABLES = [table for page in PAGES for table in tables(page)]
PARAGRAPHS = [paragraph for page in PAGES for paragraph in paragraphs(page)]


def bare(cell: str) -> str:
    """Return a cell without code, links' addresses and versions, which are no measurements."""
    return re.sub(r"`[^`]*`|\]\([^)]*\)|\b\d+\.\d+\.\d+\b|[A-Za-z]\w*\d\S*", " ", cell)


def numbers(row: tuple[str, ...]) -> Iterator[str]:
    """Yield the numbers of a row as they are printed: decimals anywhere, whole ones that are all of a cell."""
    for cell in map(bare, row):
        whole = ALONE.fullmatch(cell.strip())
        yield from [whole.group(1)] if whole else [found.group() for found in DECIMAL.finditer(cell)]


def value(printed: str) -> float:
    return float(printed.replace(",", ""))


def agrees(printed: str, known: float) -> bool:
    """Return whether a printed number is a known one, rounded to its digits."""
    digits, _, power = printed.replace(",", "").partition("e")
    places = len(digits.partition(".")[2]) - int(power or 0)
    return abs(value(printed) - known) <= 0.5 * 10**-places * (1 + 1e-6)


def known_in(source: str, told: str | None) -> list[list[float]]:
    """Return the numbers of what a comment names, row by row.

    told: the row of the table, which may narrow a CSV and takes its own part of a benchmark's; None narrows nothing.
    """
    files, _, wanted = source.partition(" where ")
    rows: list[list[float]] = []
    for path in (ROOT / file for file in files.split()):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            lines = _narrowed(list(csv.DictReader(text.splitlines())), told)
            where = dict(part.split("=") for part in wanted.split(", ") if part)
            rows += [list(_within(line)) for line in lines if where.items() <= line.items()]
        else:
            data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
            rows += [list(_within(part)) for part in (_of_row(data["numbers"], told) if path in RESULTS else [data])]
    return rows


def _of_row(kept: dict[str, Any], told: str | None) -> list[Any]:
    """Return those of a benchmark's numbers whose name a row of a table holds, in parts."""
    if told is None:
        return list(kept.values())
    plain = told.replace("`", "")
    return [part for name, part in kept.items() if all(word in plain for word in name.split(", "))]


def _narrowed(lines: list[dict[str, str]], told: str | None) -> list[dict[str, str]]:
    """Return those lines of a board that are of the task and the profile that a row of a table names."""
    if told is None:
        return lines
    tasks, profiles = ({line[key].partition("@")[0] for line in lines} for key in ("task", "profile"))
    named = re.findall(r"`([^`]+)`", told)
    if not tasks & {*named} and any((ROOT / "registry" / "tasks" / f"{name}.toml").exists() for name in named):
        return []
    some = profiles & {*named} or profiles
    return [line for line in lines if line["profile"] in some]


def _within(data: Any) -> Iterator[float]:
    if isinstance(data, (dict, list)):
        for part in data.values() if isinstance(data, dict) else data:
            yield from _within(part)
    elif isinstance(data, (int, float)) or (isinstance(data, str) and re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", data)):
        yield float(data)


def test_the_pages_have_tables_with_sources() -> None:
    assert sum(bool(table.source) for table in TABLES) >= 8


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_table_with_decimal_numbers_names_its_source(table: Table) -> None:
    decimals = [found.group() for row in table.rows for cell in row for found in DECIMAL.finditer(bare(cell))]
    assert table.source or not decimals, f"{table} has {decimals[:3]} and no <!-- numbers: … --> above it"


@pytest.mark.parametrize("table", [table for table in TABLES if table.source not in ("", DEFINED)], ids=str)
def test_every_number_of_a_table_stands_in_its_source(table: Table) -> None:
    for row in table.rows:
        known = known_in(table.source, " ".join(row))
        for printed in numbers(row):
            found = any(agrees(printed, number) for line in known for number in line)
            assert found, f"{table}: {printed} is not in {table.source}"
        for mean, std in (found.groups() for cell in row for found in SPREAD.finditer(cell)):
            together = any(any(agrees(mean, n) for n in line) and any(agrees(std, n) for n in line) for line in known)
            assert together, f"{table}: no row of {table.source} has {mean} ± {std}"


def test_prose_has_sources_too() -> None:
    assert len(PARAGRAPHS) >= 2


@pytest.mark.parametrize("paragraph", PARAGRAPHS, ids=str)
def test_every_decimal_number_of_a_paragraph_with_a_source_stands_in_it(paragraph: Table) -> None:
    ((text,),) = paragraph.rows
    known = [number for line in known_in(paragraph.source, None) for number in line]
    decimals = [found.group() for found in DECIMAL.finditer(bare(text))]
    assert decimals, f"{paragraph} has no decimal number"
    for printed in decimals:
        assert any(agrees(printed, number) for number in known), f"{paragraph}: {printed} is not in {paragraph.source}"


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_a_kept_output_says_what_gave_it(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert {"command", "machine", "date", "numbers"} <= kept.keys()
    assert all(isinstance(kept[key], str) and kept[key] for key in ("command", "machine", "date"))


@pytest.mark.parametrize(
    ("printed", "known", "same"),
    [
        ("33.45", 33.4512, True),
        ("33.45", 33.4449, False),
        ("4.4e-6", 4.41e-6, True),
        ("4.4e-6", 4.5e-6, False),
        ("1,024", 1024.4, True),
        ("512", 513, False),
        ("-0.19", -0.1859, True),
    ],
)
def test_a_printed_number_is_a_known_one_at_its_digits(printed: str, known: float, same: bool) -> None:
    assert agrees(printed, known) is same


def test_what_stands_in_a_cell_is_read_as_a_reader_would() -> None:
    cells = (
        "33.45 ± 0.22 dB",
        "`lr=0.1`",
        "clean-fid 0.1.35",
        "512",
        "128, and 128 from nearby",
        "19.9",
        "1.5e-6",
        "k5.2",
    )
    assert list(numbers(cells)) == ["33.45", "0.22", "512", "19.9", "1.5e-6"]
