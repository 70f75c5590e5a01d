"""The ledger: spent stays spent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gexbench.engine.service.ledger import MOST_REASONS, Answered, Ledger, drop_answers, images_asked
from gexbench.engine.wire.questions import question_digest
from gexbench.errors import OutputError


def questions(first: int, count: int) -> list[Answered]:
    return [Answered(question_digest((3, 1, 1), bytes([i, 0, 0])), bytes([i])) for i in range(first, first + count)]


def test_what_was_paid_is_there_in_the_next_session(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "l.sqlite", "plan", 10)
    first.pay(questions(0, 3), replayed=0)
    first.close()
    second = Ledger(tmp_path / "l.sqlite", "plan", 10)
    assert second.spent == 3
    assert second.answers([questions(1, 1)[0].digest]) == {questions(1, 1)[0].digest: b"\x01"}
    assert second.account().sessions == 2


def _pay_and_die(path: Path) -> None:
    Ledger(path, "plan", 10).pay(questions(0, 4), replayed=1)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_paid_survives_sigkill(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_pay_and_die, args=(tmp_path / "l.sqlite",))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    account = Ledger(tmp_path / "l.sqlite", "plan", 10).account()
    assert (account.answered, account.replayed, account.asked) == (4, 1, 5)


def test_a_question_cannot_be_paid_twice(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite", "plan", 10)
    ledger.pay(questions(0, 1), replayed=0)
    with pytest.raises(Exception, match="UNIQUE"):
        ledger.pay(questions(0, 2), replayed=0)
    assert ledger.spent == 1
    assert ledger.account().answered == 1


def test_a_batch_over_the_budget_leaves_no_trace_even_when_the_meter_let_it_through(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite", "plan", 2)
    with pytest.raises(AssertionError):
        ledger.pay(questions(0, 3), replayed=0)
    assert ledger.spent == 0


def test_answers_that_are_dropped_leave_their_questions(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "l.sqlite", "plan", 10)
    first.pay(questions(0, 3), replayed=0)
    first.close()
    drop_answers(tmp_path / "l.sqlite")
    ledger = Ledger(tmp_path / "l.sqlite", "plan", 10)
    assert ledger.account().answered == 3
    assert ledger.spent == 3
    assert list(ledger.answers([questions(0, 1)[0].digest]).values()) == [None]


def test_a_ledger_of_another_plan_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path / "l.sqlite", "plan", 10).close()
    with pytest.raises(OutputError, match="belongs to plan"):
        Ledger(tmp_path / "l.sqlite", "other", 10)


def test_a_ledger_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write the ledger"):
        Ledger(tmp_path / "nowhere" / "l.sqlite", "plan", 10)


@pytest.mark.parametrize(
    "entry",
    [lambda each: each.pay(questions(0, 1), 0), lambda each: each.refuse(1, "no"), lambda each: each.shut()],
    ids=["pay", "refuse", "shut"],
)
def test_an_entry_that_cannot_be_written_is_one_clear_error(tmp_path: Path, entry: Callable[[Ledger], None]) -> None:
    ledger = Ledger(tmp_path / "l.sqlite", "plan", 10)
    ledger._db.execute("PRAGMA query_only=ON")
    with pytest.raises(OutputError, match=r"cannot write the ledger .*l\.sqlite"):
        entry(ledger)


def test_shape_belongs_to_a_question() -> None:
    assert question_digest((3, 2, 1), b"abcdef") != question_digest((3, 1, 2), b"abcdef")


def test_refusals_and_replays_without_end_take_no_room(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite", "plan", 10)
    ledger.pay(questions(0, 1), replayed=0)
    for i in range(3 * MOST_REASONS):
        ledger.refuse(2, f"no {i}")
        ledger.pay([], replayed=1)
    account = ledger.account()
    assert (account.answered, account.refused, account.replayed) == (1, 6 * MOST_REASONS, 3 * MOST_REASONS)
    with sqlite3.connect(ledger.path) as db:
        assert db.execute("SELECT COUNT(*) FROM batch").fetchone() == (MOST_REASONS + 3,)


def test_images_that_were_asked_survive_sigkill_until_answers_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    process = multiprocessing.get_context("fork").Process(target=_ask_and_die, args=(path,))
    process.start()
    process.join()
    Ledger(path, "plan", 10).pay(questions(5, 1), replayed=0)
    assert list(images_asked(path)) == [(b"abcdef", 2)]
    drop_answers(path)
    assert list(images_asked(path)) == []


def _ask_and_die(path: Path) -> None:
    Ledger(path, "plan", 10).pay([Answered(b"digest", b"answer", b"abcdef", 2)], replayed=0)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_ledger_from_before_images_were_kept_takes_them_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    old = Ledger(path, "plan", 10)
    old.pay(questions(0, 1), replayed=0)
    for column in ("image", "height"):
        old._db.execute(f"ALTER TABLE question DROP COLUMN {column}")
    old.close()
    ledger = Ledger(path, "plan", 10)
    ledger.pay([Answered(b"digest", b"answer", b"abcdef", 2)], replayed=0)
    assert list(images_asked(path)) == [(b"abcdef", 2)]
    assert ledger.spent == 2
