"""What a victim behind an address was asked is kept, and counted, whatever happens next."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gexbench.cards.endpoint import Endpoint
from gexbench.engine.service.calls import Calls
from gexbench.engine.service.ledger import Ledger, drop_answers
from gexbench.errors import OutputError

ENDPOINT = Endpoint(url="http://localhost/", price=0.002)


def test_an_answer_is_found_again_by_its_question_in_a_later_session(tmp_path: Path) -> None:
    calls = Calls(tmp_path / "ledger.sqlite")
    assert calls.answer(b"q") is None
    calls.keep(b"q", b"png")
    calls.close()
    again = Calls(tmp_path / "ledger.sqlite")
    assert again.answer(b"q") == b"png"
    again.close()


def test_a_bill_counts_answers_once_those_asked_for_to_watch_and_tries_without_one(tmp_path: Path) -> None:
    calls = Calls(tmp_path / "ledger.sqlite")
    for _ in range(4):
        calls.sent()
    calls.keep(b"q", b"png")
    calls.keep(b"r", b"png")
    calls.watched()
    bill = calls.bill(ENDPOINT)
    assert (bill.calls, bill.watched, bill.tries, bill.price, bill.paid_usd) == (3, 1, 4, 0.002, 0.006)
    calls.close()


def test_it_stands_in_the_runs_ledger_and_the_bill_stays_when_answers_are_dropped(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    ledger, calls = Ledger(file, "plan", 5), Calls(file)
    calls.sent()
    calls.keep(b"q", bytes(5000))
    calls.close()
    ledger.close()
    drop_answers(file)
    after = Calls(file)
    assert after.bill(ENDPOINT).calls == 1
    assert after.answer(b"q") is None
    after.close()


def test_a_ledger_of_another_victim_is_dropped_as_ever(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.sqlite", "plan", 5).close()
    drop_answers(tmp_path / "ledger.sqlite")


def test_what_was_answered_survives_sigkill(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from gexbench.engine.service.calls import Calls\n"
        "calls = Calls(Path(sys.argv[1]))\ncalls.sent()\ncalls.keep(b'q', b'png')\ncalls.sent()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "l.sqlite")], cwd=root, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    calls = Calls(tmp_path / "l.sqlite")
    assert calls.answer(b"q") == b"png"
    assert (calls.bill(ENDPOINT).calls, calls.bill(ENDPOINT).tries) == (1, 2)
    calls.close()


def test_nothing_is_kept_where_no_file_is_named() -> None:
    calls = Calls(None)
    calls.watched()
    calls.sent()
    assert calls.bill(ENDPOINT).calls == 1
    calls.close()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write the ledger"):
        Calls(tmp_path / "nowhere" / "ledger.sqlite")


def test_its_file_is_written_ahead_and_a_busy_one_is_waited_for_a_minute(tmp_path: Path) -> None:
    calls = Calls(tmp_path / "l.sqlite")
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert calls._db.execute("PRAGMA busy_timeout").fetchone() == (60_000,)
    calls.close()
