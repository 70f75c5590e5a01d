"""The numbers of a site as tables: CSV always, Parquet where it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from gexbench.boards.flat import FIELDS, defense_lines, long_rows
from gexbench.boards.frame import COLUMNS, score_rows
from gexbench.boards.rank import Board
from gexbench.errors import BoardError
from gexbench.foreign_text import csv_cell
from gexbench.site.addresses import record_data


def scores(boards: Iterable[Board]) -> list[dict[str, Any]]:
    """Return every number of every record."""
    records = (record for board in boards for record in board.records)
    return [row for record in records for row in score_rows(record, record_data(record))]


def scores_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return numbers of records as CSV, in which no text is a formula."""
    import pandas

    cells = [{key: csv_cell(value) if isinstance(value, str) else value for key, value in row.items()} for row in rows]
    return str(pandas.DataFrame(cells, columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n"))


def parquets(boards: Iterable[Board], rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Yield the same tables as Parquet, by name: of each board, and all numbers. Raises BoardError without pyarrow."""
    for board in boards:
        yield board.card.name, _parquet(chain(long_rows(board), defense_lines(board)), FIELDS)
    yield "scores", _parquet(rows, COLUMNS)


def _parquet(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> bytes:
    """Return rows as a Parquet file; one version of pyarrow gives the same bytes for the same rows."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise BoardError(
            "Parquet needs pyarrow, which is not installed", "pip install 'gexbench[parquet]', or leave --parquet out"
        ) from None
    types = {"str": pyarrow.string(), "boolean": pyarrow.bool_(), "float64": pyarrow.float64()}
    types |= dict.fromkeys(("int64", "Int64"), pyarrow.int64())
    types |= {f"{name}s": pyarrow.list_(types[name]) for name in ("str", "int64")}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in columns.items()])
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_pylist([*rows], schema=schema), sink)
    return bytes(sink.getvalue())
