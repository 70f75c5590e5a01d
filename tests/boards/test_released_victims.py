"""Boards of services that nobody here trained: one victim a board, a word on public weights, nearly perfect copies."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import Records, record_of

from gexbench.boards.accept import objections
from gexbench.boards.folder import folder_of
from gexbench.boards.rank import make_board
from gexbench.boards.sections import page
from gexbench.cards.board import BoardCard
from gexbench.cards.schema import TaskCard
from gexbench.errors import BoardError
from gexbench.record import RunRecord

RELEASED = """
name = "theirs"
summary = "A victim that others trained."
task_kind = "image-to-image"
scale = 4
entry = "gexbench.victims.net:Net"
asset = "weights"
licence = "MIT (a wheel)"
upstream = "not found"
"""
OWN_BOARD = """
name = "sr-theirs"
summary = "Who copies theirs best."
task = "sr@1"
victim = "theirs"
columns = [{ metric = "psnr-y", compare = "B" }]
"""


@pytest.fixture
def theirs(records: Records) -> Records:
    (records.folder / "victims" / "theirs.toml").write_text(RELEASED)
    (records.folder / "boards" / "sr-theirs.toml").write_text(OWN_BOARD)
    return records


def board(records: Records, name: str) -> BoardCard:
    return records.catalog.get(BoardCard, name)


def test_a_record_goes_to_the_board_of_its_victim_and_others_to_the_tasks(theirs: Records, tmp_path: Path) -> None:
    place = lambda record: folder_of(record, tmp_path, theirs.catalog).card.name  # noqa: E731
    assert place(theirs.make(victim="theirs")) == "sr-theirs"
    assert place(theirs.make()) == "sr"


def test_each_board_takes_its_own_victim_alone(theirs: Records) -> None:
    other, usual = theirs.make(victim="theirs"), theirs.make()
    assert not list(objections(other, board(theirs, "sr-theirs")))
    assert not list(objections(usual, board(theirs, "sr")))
    assert list(objections(other, board(theirs, "sr"))) == [
        "its victim and data are not those of profile 'mini': 'net', 'photos'"
    ]
    (told,) = objections(usual, board(theirs, "sr-theirs"))
    assert told == "it is a record of sr@1; the board 'sr-theirs' takes sr@1 with the victim theirs"


def test_a_task_whose_only_board_is_of_another_victim_has_none(theirs: Records, tmp_path: Path) -> None:
    (theirs.folder / "boards" / "sr.toml").unlink()
    with pytest.raises(BoardError, match="no board takes records of sr@1"):
        folder_of(theirs.make(), tmp_path, theirs.catalog)


def alike(record: RunRecord, similarity: float) -> RunRecord:
    """Return a record whose copy has a structural similarity to the victim."""
    plan = record.plan
    card = plan.metrics[0].model_copy(update={"name": "ssim-y", "unit": "1"})
    task = plan.task.model_copy(update={"metrics": (*plan.task.metrics, "ssim-y")})
    score = next(s for s in record.scores if s.compare == "B")
    more = score.model_copy(update={"metric": "ssim-y", "value": similarity, "unit": "1"})
    changed = plan.model_copy(update={"task": task, "metrics": (*plan.metrics, card)})
    return record_of(changed).model_copy(update={"scores": (*record.scores, more)}).sealed()


def marks(records: Records, record: RunRecord) -> str:
    made = make_board(board(records, "sr-theirs"), records.catalog.get(TaskCard, "sr"), [record], frozenset())
    return "; ".join(made.tables[0].rows[0].marks)


def test_a_copy_that_is_nearly_the_victim_is_marked_where_its_weights_are_public(theirs: Records) -> None:
    told = "nearly the victim itself, whose weights are public"
    assert told in marks(theirs, alike(theirs.make(victim="theirs"), 0.995))
    assert told not in marks(theirs, alike(theirs.make(victim="theirs"), 0.98))
    assert told not in marks(theirs, alike(theirs.make(), 0.995))
    assert told not in marks(theirs, alike(theirs.make("bicubic", victim="theirs"), 0.995))


def test_a_page_says_that_the_weights_are_public_and_on_whose_terms(theirs: Records) -> None:
    task = theirs.catalog.get(TaskCard, "sr")
    shown = page(make_board(board(theirs, "sr-theirs"), task, [theirs.make(victim="theirs")], frozenset()))
    assert shown.title == "Leaderboard sr@1 with the victim theirs"
    (said,) = [note for note in shown.sheets[0].notes if "public" in note and "weights" in note]
    assert "MIT (a wheel)" in said
    assert "structural similarity of 0.99 or more in B" in said
    usual = page(make_board(board(theirs, "sr"), task, [theirs.make()], frozenset()))
    assert not [note for note in usual.sheets[0].notes if "Nobody here trained" in note]


def test_where_nobody_knows_a_truth_a_page_speaks_of_b_alone(theirs: Records) -> None:
    record = theirs.make(victim="theirs")
    task = record.plan.task.model_copy(update={"truth": "none"})
    blind = record.model_copy(update={"plan": record.plan.model_copy(update={"task": task})}).sealed()
    notes = page(make_board(board(theirs, "sr-theirs"), task, [blind], frozenset())).sheets[0].notes
    assert any(note.startswith("Nobody knows what the answers should be") for note in notes)
    assert not any("C surrogate and truth" in note or note.startswith("A, the victim") for note in notes)
