from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gexbench.boards.flat import FIELDS, defense_lines, long_rows
from gexbench.boards.frame import COLUMNS
from gexbench.errors import BoardError
from gexbench.site.build import build, pages
from gexbench.site.data import parquets, scores
from gexbench.site.source import Source


def test_parquet_holds_what_csv_holds(many: Source, site: dict[str, bytes]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    made = dict(pages(replace(many, parquet=True)))
    assert {place for place in made if place not in site} == {"data/sr.parquet", "data/scores.parquet"}
    numbers = parquet.read_table(io.BytesIO(made["data/scores.parquet"])).to_pylist()
    lines = list(csv.DictReader(io.StringIO(site["data/scores.csv"].decode())))
    assert [*numbers[0]] == [*lines[0]] == [*COLUMNS]
    assert [(row["path"], row["value"]) for row in numbers] == [(row["path"], float(row["value"])) for row in lines]
    rows = parquet.read_table(io.BytesIO(made["data/sr.parquet"])).to_pylist()
    assert rows == [*long_rows(many.boards[0]), *defense_lines(many.boards[0])]
    assert [*rows[0]] == [*FIELDS]


def test_parquet_comes_out_the_same_twice(many: Source) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    rows = scores(many.boards)
    assert dict(parquets(many.boards, rows)) == dict(parquets(many.boards, scores(many.boards)))


def test_pages_lead_to_parquet_where_there_is_some(many: Source, site: dict[str, bytes]) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    made = dict(pages(replace(many, parquet=True)))
    assert b'href="data/scores.parquet"' in made["index.html"]
    assert b'href="../data/sr.parquet"' in made["boards/sr.html"]
    assert b"arquet" not in site["index.html"] + site["boards/sr.html"]


def test_without_pyarrow_one_line_says_what_to_install_and_nothing_is_written(
    many: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BoardError, match="pyarrow, which is not installed") as caught:
        build(replace(many, parquet=True), tmp_path / "site")
    assert "gexbench[parquet]" in caught.value.hint
    assert not (tmp_path / "site").exists()
