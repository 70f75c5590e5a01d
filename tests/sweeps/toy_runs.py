"""Runs of a millisecond with a real folder, lease and ledger; as a script, the head of a sweep of them.

python toy_runs.py REGISTRY OUT SEEDS JOBS PAUSE CHANCE LOCKS
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from record_factory import Records, record_of

from gexbench.bench import Progress
from gexbench.cards.catalog import Catalog
from gexbench.engine.run import lease, run_folder
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.service.ledger import Answered, Ledger
from gexbench.files import writing
from gexbench.plan import Plan
from gexbench.record import RunRecord, read_record
from gexbench.sweeps.campaign import Campaign
from gexbench.sweeps.local import Local
from gexbench.sweeps.work import Work

QUESTIONS = 4


@dataclass(frozen=True)
class Trouble:
    """pause: seconds between questions. chance: of a full disk and a clock that jumps. locks: of the disk."""

    pause: float = 0.001
    chance: float = 0.0
    locks: bool = True


def toy(plan: Plan, catalog: Catalog, out: Path, progress: Progress, trouble: Trouble = Trouble()) -> RunRecord:
    """Pay for a few questions and write a record."""
    dice = random.Random(os.urandom(8))
    if not trouble.locks:
        lease.BEAT, lease.LAPSE, run_folder.fcntl.flock = 0.2, 5.0, _unsupported
    if dice.random() < trouble.chance:
        now = time.time()
        time.time = lambda: now + dice.uniform(-1e9, 1e9)
    folder = RunFolder(out / plan.run_name)
    with folder.locked():
        done = folder.finished()
        if done is not None:
            return done
        folder.open(plan)
        me, holder = str(os.getpid()), folder.path / "holder"
        holder.write_text(me)
        ledger = Ledger(folder.ledger, plan.id, QUESTIONS)
        for at in range(QUESTIONS):
            digest = f"{plan.id} {at}".encode()
            known = ledger.answers([digest])
            if dice.random() < trouble.chance / 4:
                with writing(folder.ledger):
                    raise OSError(errno.ENOSPC, "No space left on device")
            ledger.pay([] if known else [Answered(digest, b"answer")], len(known))
            time.sleep(trouble.pause)
            if holder.read_text() != me:
                (out / "two-at-once").touch()
        account = ledger.account()
        ledger.close()
        record = record_of(plan).model_copy(update={"account": account.model_copy(update={"budget": plan.budget})})
        return folder.put_record(record)


def _unsupported(*_: object) -> None:
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def faults(plans: list[Plan], out: Path) -> list[str]:
    """Return what is wrong with the folders of a sweep that has ended."""
    found = ["two were in one folder at once"] if (out / "two-at-once").exists() else []
    for plan in plans:
        folder = RunFolder(out / plan.run_name)
        if read_record(folder.record).status != "ok" or list(folder.path.glob("record.before-*")):
            found.append(f"{plan.run_name} has not exactly one record")
        with closing(sqlite3.connect(folder.ledger)) as db:
            held = db.execute("SELECT COUNT(*) FROM question").fetchone()[0]
            paid = db.execute("SELECT SUM(answered) FROM batch").fetchone()[0]
        if (held, paid) != (QUESTIONS, QUESTIONS):
            found.append(f"{plan.run_name} paid {paid} times for {held} of {QUESTIONS} questions")
    extra = {path.name for path in out.iterdir() if path.is_dir()} - {plan.run_name for plan in plans}
    return found + [f"{name} is no plan's" for name in sorted(extra)]


def plans_of(registry: Path, seeds: int) -> tuple[Catalog, list[Plan]]:
    """Return the plans of a toy sweep."""
    made = Records(registry)
    return made.catalog, [made.plan(seed=seed) for seed in range(seeds)]


def main() -> int:
    """Run a toy sweep and return 1 where a run failed."""
    registry, out, seeds, jobs, pause, chance, locks = sys.argv[1:]
    catalog, plans = plans_of(Path(registry), int(seeds))
    work = Work(catalog, Path(out), run=partial(toy, trouble=Trouble(float(pause), float(chance), locks == "yes")))
    campaign = Campaign(work, Local(int(jobs)), retries=9, pause=lambda _: time.sleep(0.2))
    failed = [ended for ended in campaign(plans) if ended.failed]
    print(*(ended.end for ended in failed), sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
