"""What is too small a difference to matter, from the controls of a board."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from record_factory import Records, changed

from boards.conftest import MakeBoard
from gexbench.boards.margin import Margin, margin_of
from gexbench.boards.rank import Board
from gexbench.boards.side import Number, sides
from gexbench.record import RunRecord

LPIPS = Number("lpips-alex", "B")
PERFECT = """
    name = "perfect-copy"
    summary = "A perfect copy."
    kind = "control"
    entry = "gexbench.attacks.bicubic:A"
    needs = []
"""


def scoring(run: RunRecord, value: float) -> RunRecord:
    """Return a record whose LPIPS is that."""
    scores = (s.model_copy(update={"value": value}) if s.metric == "lpips-alex" else s for s in run.scores)
    return changed(run, "scores", tuple(scores))


def margin(board: Board) -> Margin:
    return margin_of(board, sides(board, "mini")["srresnet"], LPIPS, None)


def drawing(board: Board) -> Board:
    """Return a board of a task whose service draws images."""
    profile = {name: scale.model_copy(update={"samples": 100}) for name, scale in board.task.profile.items()}
    controls = ("perfect-copy", *board.task.controls)
    return replace(board, task=board.task.model_copy(update={"profile": profile, "controls": controls}))


def test_where_a_service_draws_a_perfect_copy_is_what_that_row_has(
    records: Records, board_of: MakeBoard, tmp_path: Path
) -> None:
    (tmp_path / "registry" / "attacks" / "perfect-copy.toml").write_text(PERFECT, encoding="utf-8")
    runs = [*records.seeds((27.0,)), scoring(records.make("bicubic"), 0.5)]
    without = margin(drawing(board_of(*runs)))
    assert without == Margin(None, "the board has no row 'perfect-copy' to take a margin from; give --margin")
    found = margin(drawing(board_of(*runs, scoring(records.make("perfect-copy"), 0.3))))
    assert found.value == pytest.approx(0.02)
    assert found.told == "a tenth of the way from bicubic (0.5) to a perfect copy (0.3)"


def test_who_asks_the_service_is_no_floor(records: Records, board_of: MakeBoard) -> None:
    for needs, known in (((), True), (("truth",), True), (("outputs",), False), (("weights",), False)):
        control = changed(scoring(records.make("bicubic"), 0.5), "plan.attack.needs", needs)
        found = margin(board_of(*records.seeds((27.0,)), control))
        assert (found.value is not None) == known


def test_a_control_with_other_options_or_at_another_budget_is_no_floor(records: Records, board_of: MakeBoard) -> None:
    low = scoring(records.make("bicubic", budget="50"), 0.9)
    assert "no floor control" in margin(board_of(*records.seeds((27.0,)), low)).told
    both = margin(board_of(*records.seeds((27.0,)), low, scoring(records.make("bicubic"), 0.5)))
    assert both.value == pytest.approx(0.05)
