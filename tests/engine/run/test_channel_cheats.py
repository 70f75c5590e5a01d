"""Attacks that stretch their time, signal to other runs or flood the bench gain nothing and are named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gexbench.engine.run import clock
from gexbench.engine.sandbox.rules import support
from gexbench.record import RunRecord

CHEATS = Path(__file__).resolve().parents[2] / "cheats"
Run = Callable[..., RunRecord]

sandboxed = pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a cheat by name with options below the test's folder."""
    import gexbench

    def run_cheat(name: str, deadline: float | None = None, seed: int = 0, **options: str) -> RunRecord:
        return gexbench.run(
            "sr", f"cheat/{name}", out=tmp_path / "runs", options=options, budget="4", registry=(CHEATS,), seed=seed,
            deadline=deadline,
        )  # fmt: skip

    return run_cheat


def folder(tmp_path: Path, name: str, seed: int = 0) -> Path:
    return next((tmp_path / "runs").glob(f"*cheat.{name}*-s{seed}-*"))


def test_a_surrogate_handed_back_nine_bytes_at_a_time_is_late(run: Run) -> None:
    record = run("dripper", deadline=3.0)
    assert record.status == "failed"
    assert "still running after 3 s, its deadline" in record.reason


def test_failed_attempts_share_one_deadline(run: Run) -> None:
    reasons = [run("snail", deadline=20.0, seconds="11").reason for _ in range(3)]
    assert "RuntimeError: once more" in reasons[0]
    assert "once more" not in reasons[1]
    assert "nothing is left of the 20 s for extraction" in reasons[2]


@sandboxed
def test_what_one_run_leaves_no_other_can_find_and_the_code_that_runs_is_a_copy(run: Run, tmp_path: Path) -> None:
    run("reader")
    other = folder(tmp_path, "reader")
    assert len(list(other.glob("attacker/*/message"))) == 1
    record = run("reader", seed=1, other=str(other))
    assert (record.status, record.attack_report["size"]) == ("ok", "FileNotFoundError")
    refused = ("FileNotFoundError", "OSError") if support().view else ("PermissionError",) * 2
    assert (record.attack_report["names"], record.attack_report["writes code"]) == refused
    here = folder(tmp_path, "reader", 1)
    assert record.attack_report["code"] == str(here / "code" / "attack" / "cheats")
    assert any("channels.py" in incident for incident in record.incidents)


@pytest.mark.skipif(not support().view, reason="this system gives no process a view of its own")
def test_what_the_bench_kept_of_one_run_cannot_be_asked_about_by_another(run: Run, tmp_path: Path) -> None:
    run("reader")
    other = folder(tmp_path, "reader")
    record = run("surveyor", other=str(other))
    assert record.status == "ok"
    assert len(record.attack_report) == 30
    assert set(record.attack_report.values()) <= {"FileNotFoundError", "PermissionError"}


@sandboxed
def test_who_does_not_end_hides_no_process_it_left(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "STOPPED_WITHIN", 1.0)
    record = run("lingerer")
    assert "left 1 process(es) behind, killed" in record.incidents


def test_a_flood_of_refusals_replays_and_progress_is_counted_and_takes_no_room(run: Run, tmp_path: Path) -> None:
    record = run("babbler")
    assert (record.account.answered, record.account.replayed, record.account.refused) == (1, 300, 300)
    with sqlite3.connect(folder(tmp_path, "babbler") / "service" / "ledger.sqlite") as db:
        assert db.execute("SELECT COUNT(*) FROM batch").fetchone()[0] < 110
