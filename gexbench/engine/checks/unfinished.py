"""How far a run came that has no record."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gexbench.engine.run.run_folder import RunFolder
from gexbench.plan import Plan
from gexbench.plan_file import read_plan


@dataclass(frozen=True)
class Unfinished:
    """answered: images that were paid for. extracted: the attack had ended. running: a process is at it."""

    folder: Path
    plan: Plan
    answered: int
    extracted: bool
    running: bool


def unfinished(folder: Path) -> Unfinished:
    """Look at the folder of a run that has a plan and no record, changing nothing; raises PlanError for a bad plan."""
    run = RunFolder(folder)
    return Unfinished(
        folder,
        read_plan(folder / "plan.json"),
        _answered(run.ledger.resolve()),
        run.surrogate.is_dir(),
        _is_held(folder / ".lock"),
    )


def _answered(ledger: Path) -> int:
    """Return how many questions a ledger holds, 0 where there is none that can be read."""
    shut = not ledger.with_name(f"{ledger.name}-wal").exists()  # then SQLite would make one, to read beside
    way = "mode=ro&immutable=1" if shut else "mode=ro"
    try:
        with closing(sqlite3.connect(f"{ledger.as_uri()}?{way}", uri=True)) as db:
            return int(db.execute("SELECT COUNT(*) FROM question").fetchone()[0])
    except sqlite3.Error:
        return 0


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
