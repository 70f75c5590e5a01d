"""Sweeps of real runs of seconds, by several executors, and through kills."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from gexbench.record import RunRecord, read_record

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("--tasks", "sr", "--attacks", "bicubic,srresnet", "--set", "steps=2", "--budgets", "16", "--seeds", "0-1")
pytestmark = pytest.mark.slow


def start(out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gexbench", "sweep", *WORDS, "--out", str(out), "--json", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)


def records(out: Path) -> dict[str, RunRecord]:
    return {path.parent.name: read_record(path) for path in out.glob("*/record.json")}


def substance(record: RunRecord) -> object:
    """Return what two runs of one plan have in common on one machine."""
    return record.id, record.scores, record.surrogate_sha256, record.evidence_sha256, record.account.answered


def test_runs_side_by_side_and_through_kills_end_as_those_one_after_the_other(tmp_path: Path) -> None:
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    told, _ = start(calm).communicate()
    assert [json.loads(line)["status"] for line in told.splitlines()] == ["ok"] * 4
    first, second = start(wild, "--executor", "local", "--jobs", "2"), start(wild)
    time.sleep(20)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    again = start(wild, "--executor", "local", "--jobs", "2")
    for each in (second, again):
        lines = each.communicate()[0].splitlines()
        assert (each.returncode, len(lines)) == (0, 4)
    left, right = records(calm), records(wild)
    assert {name: substance(each) for name, each in left.items()} == {
        name: substance(each) for name, each in right.items()
    }
    assert not list(wild.glob("*/record.*-*.json"))
    for name, record in right.items():
        with closing(sqlite3.connect(wild / name / "service" / "ledger.sqlite")) as db:
            assert db.execute("SELECT COUNT(*) FROM question").fetchone()[0] == record.account.answered
            paid = db.execute("SELECT TOTAL(answered) FROM batch").fetchone()[0]
        assert paid == record.account.answered
