from __future__ import annotations

import json
import re
from collections.abc import Callable

from record_factory import Records

from gexbench.boards.citation import bibtex, cff, digest, newest
from gexbench.boards.rank import Board

MakeBoard = Callable[..., Board]


def test_the_digest_is_of_the_records_and_of_no_order(records: Records, board_of: MakeBoard) -> None:
    runs = records.seeds((27.0, 27.1))
    assert digest(board_of(*runs)) == digest(board_of(*reversed(runs)))
    assert digest(board_of(*runs)) != digest(board_of(runs[0]))


def test_an_entry_names_the_board_its_records_and_their_digest(records: Records, board_of: MakeBoard) -> None:
    board = board_of(records.make())
    text = bibtex(board)
    assert text.startswith("@misc{gexbench-sr-1,\n")
    assert "title   = {gexbench leaderboard sr@1: Copy a service.}" in text
    assert f"1 records, the newest of 2026-01-01, digest {digest(board)}" in text
    assert "year    = {2026}" in text
    assert newest(board) == "2026-01-01"


def test_an_entry_is_balanced_whatever_the_task_is_called(records: Records, board_of: MakeBoard) -> None:
    board = board_of(records.make())
    task = board.task.model_copy(update={"summary": "100 % } of { it_ & more"})
    text = bibtex(Board(board.card, task, board.tables))
    assert re.sub(r"\\[{}]", "", text).count("{") == re.sub(r"\\[{}]", "", text).count("}")
    assert r"100 \% \} of \{ it\_ \& more" in text


def test_a_board_without_records_is_cited_without_a_year(board_of: MakeBoard) -> None:
    text = bibtex(board_of())
    assert "no records" in text
    assert "year" not in text


def test_a_citation_file_holds_the_digest_and_one_line_a_fact(records: Records, board_of: MakeBoard) -> None:
    board = board_of(records.make())
    task = board.task.model_copy(update={"summary": 'a "quoted": summary # of \\ text'})
    lines = cff(Board(board.card, task, board.tables)).splitlines()
    assert f"    value: sha256:{digest(board)}" in lines
    assert 'date-released: "2026-01-01"' in lines
    title = next(line for line in lines if line.startswith("title: "))
    assert json.loads(title.removeprefix("title: ")).endswith('a "quoted": summary # of \\ text')
    assert not [line for line in cff(board_of()).splitlines() if line.startswith("date-released")]
