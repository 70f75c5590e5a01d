"""`board add` takes a submission's records to the boards, and with them what a maintainer has signed."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import save
from typer.testing import CliRunner

from gexbench.boards.publish import folders, open_board
from gexbench.boards.verified import VERIFIED
from gexbench.cli.app import app
from gexbench.errors import GexbenchError
from gexbench.site.record_page import record_html
from gexbench.submission.layout import VERDICT, Submission
from gexbench.submission.publish import add_all

from .conftest import Author
from .test_verdict import sign


def status(author: Author) -> str:
    board = open_board(folders("sr", author.boards, author.records.catalog)[0], author.records.catalog)
    return board.status(board.tables[0].rows[0])


def test_a_row_is_verified_as_far_as_its_verdict_goes(author: Author, submission: Submission, key: Path) -> None:
    seen = []
    for count in (0, 1, 2):
        if count:
            sign(author, submission, key, count)
        add_all([submission.folder], author.boards)
        seen.append(status(author))
    assert seen == ["submitted", "verified 1/2", "verified"]


def test_adding_a_submission_again_changes_nothing(author: Author, submission: Submission, key: Path) -> None:
    sign(author, submission, key)
    add_all([submission.folder], author.boards)
    before = {file: file.read_bytes() for file in author.boards.rglob("*") if file.is_file()}
    again = add_all([submission.folder], author.boards)
    assert (again.written, len(again.already)) == ((), 2)
    assert {file: file.read_bytes() for file in author.boards.rglob("*") if file.is_file()} == before


def test_the_sites_page_of_a_record_says_that_it_was_verified(
    author: Author, submission: Submission, key: Path
) -> None:
    sign(author, submission, key, 1)
    add_all([submission.folder], author.boards)
    board = open_board(folders("sr", author.boards, author.records.catalog)[0], author.records.catalog)
    pages = [record_html(board, board.tables[0], record, False) for record in board.records]
    assert sorted("a maintainer ran it again and signed" in page for page in pages) == [False, True]


@pytest.mark.parametrize("spoilt", ["CHECKLIST.md", VERDICT, "plug-ins/mykd/mine.py"])
def test_nothing_of_a_submission_that_was_changed_is_added(
    author: Author, submission: Submission, key: Path, spoilt: str
) -> None:
    sign(author, submission, key)
    (submission.folder / spoilt).write_text("{}", encoding="utf-8")
    own = save(author.records.make(), author.place / "runs")
    with pytest.raises(GexbenchError):
        add_all([own, submission.folder], author.boards)
    assert not (author.boards / "sr").exists()


def test_runs_and_submissions_are_added_together(author: Author, submission: Submission) -> None:
    own = save(author.records.make(), author.place / "runs")
    assert len(add_all([own, submission.folder], author.boards).written) == 3
    assert not (author.boards / "sr" / VERIFIED).exists()


def test_the_command_takes_a_submission(author: Author, submission: Submission) -> None:
    words = ["board", "add", str(submission.folder), "--dir", str(author.boards)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert (done.exit_code, done.stdout.count("added ")) == (0, 2)
