"""Kill a run with SIGKILL at random moments, start it again each time, and compare with an undisturbed run.

    python benchmarks/kill_resume.py [--task sr] [--attack srresnet] [--kills 20] [--steps 60] [--seed 0]

Prints, after every kill, what the ledger holds. A run that completes before its kill is kept, and the next kills meet
a new one. Ends with whether all of them completed, whether any question was paid twice, whether the budget held, and
whether scores and surrogates equal the undisturbed run's. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from gexbench.record import RunRecord, read_record


def start(out: Path, run: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the run whose words after `gexbench run` are given."""
    command = [sys.executable, "-m", "gexbench", "run", *run, "--json", "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ledger_of(out: Path) -> dict[str, int]:
    """Return what the ledger holds: questions, distinct ones, sessions."""
    found = next(out.glob("*/service/ledger.sqlite"), None)
    if found is None:
        return {"questions": 0, "distinct": 0, "sessions": 0}
    with sqlite3.connect(f"file:{found}?mode=ro", uri=True) as db:
        try:
            count = db.execute("SELECT COUNT(*), COUNT(DISTINCT digest) FROM question").fetchone()
            sessions = db.execute("SELECT COUNT(*) FROM session").fetchone()[0]
        except sqlite3.OperationalError:  # killed while the tables were made
            return {"questions": 0, "distinct": 0, "sessions": 0}
    db.close()
    return {"questions": count[0], "distinct": count[1], "sessions": sessions}


def undisturbed(out: Path, run: Sequence[str]) -> tuple[RunRecord, float]:
    """Run once without a kill; returns the record and the seconds it took."""
    begin = time.monotonic()
    process = start(out, run)
    if process.wait() != 0:
        raise SystemExit(f"the undisturbed run failed: {(process.stderr.read() if process.stderr else b'').decode()}")
    return read_record(next(out.glob("*/record.json"))), time.monotonic() - begin


def main() -> int:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="sr")
    parser.add_argument("--attack", default="srresnet")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    words = ("--task", arguments.task, "--attack", arguments.attack, "--budget", "128")
    run = (*words, "--set", f"steps={arguments.steps}")
    with tempfile.TemporaryDirectory() as folder:
        calm, wild = Path(folder) / "calm", Path(folder) / "wild"
        reference, seconds = undisturbed(calm, run)
        print(f"undisturbed: {seconds:.1f} s, {reference.account.answered} answered")
        kills, folders = 0, [wild]
        while kills < arguments.kills:
            process = start(wild, run)
            try:
                process.wait(dice.uniform(0, seconds))
                print("completed before the kill; starting over in a new folder")
                wild = wild.with_name(f"wild-{len(folders)}")
                folders.append(wild)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                print(f"kill {kills:2}: ledger {ledger_of(wild)}")
        undisturbed(wild, run)
        ends = [(read_record(next(out.glob("*/record.json"))), ledger_of(out)) for out in folders]
    verdicts = {
        "completed": all(record.status == "ok" for record, _ in ends),
        "budget held": all(held["questions"] <= record.account.budget for record, held in ends),
        "no question paid twice": all(
            held["questions"] == held["distinct"] == record.account.answered for record, held in ends
        ),
        "scores equal": all(record.scores == reference.scores for record, _ in ends),
        "surrogate equal": all(record.surrogate_sha256 == reference.surrogate_sha256 for record, _ in ends),
    }
    for what, holds in verdicts.items():
        print(f"{'yes' if holds else 'NO '}  {what}")
    return 0 if all(verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
