from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from record_factory import Records, write_registry

from gexbench.boards.rank import Board, make_board
from gexbench.cards.board import BoardCard
from gexbench.cards.schema import TaskCard
from gexbench.record import RunRecord

MakeBoard = Callable[..., Board]


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """Return a maker of records on a small registry."""
    return Records(write_registry(tmp_path / "registry"))


@pytest.fixture
def board_of(records: Records) -> MakeBoard:
    """Return a function that ranks records."""

    def make(*runs: RunRecord, verified: frozenset[str] = frozenset()) -> Board:
        return make_board(records.catalog.get(BoardCard, "sr"), records.catalog.get(TaskCard, "sr"), runs, verified)

    return make
