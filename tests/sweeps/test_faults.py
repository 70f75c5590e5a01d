"""Whatever is killed, full or started twice: every plan ends with one record, and nothing is paid for twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from record_factory import write_registry

from sweeps import toy_runs
from sweeps.toy_runs import faults, plans_of

TESTS = Path(__file__).resolve().parents[1]
PLANS = 40
TROUBLE = 0.2


def head(tmp_path: Path, locks: bool) -> subprocess.Popen[bytes]:
    """Start a sweep in two processes, in a session of its own."""
    words = [tmp_path / "registry", tmp_path / "out", PLANS, 2, 0.02, TROUBLE, "yes" if locks else "no"]
    paths = os.pathsep.join(map(str, (TESTS, TESTS.parent)))
    with (tmp_path / "told").open("a") as told:
        return subprocess.Popen(
            [sys.executable, toy_runs.__file__, *map(str, words)],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=told,
            stderr=told,
            start_new_session=True,
        )


def below(pid: int) -> list[int]:
    """Return the processes that a process has started, the workers among them."""
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def a_round(tmp_path: Path, seed: int, most: int, locks: bool) -> None:
    """Start two sweeps on one folder, kill up to `most` heads and workers, start heads again until both have ended."""
    dice = random.Random(seed)
    (tmp_path / "out").mkdir()
    write_registry(tmp_path / "registry")
    heads, kills = [head(tmp_path, locks) for _ in range(2)], 0
    while any(each.poll() is None for each in heads) or any(each.returncode for each in heads):
        at = dice.randrange(2)
        if kills < most and heads[at].poll() is None:
            time.sleep(dice.uniform(0.0, 1.5))
            victims = below(heads[at].pid) if dice.random() < 0.7 else [heads[at].pid]
            kill(dice.choice(victims or [heads[at].pid]))
            kills += 1
        for at, each in enumerate(heads):
            if each.poll() is not None and each.returncode:
                assert each.returncode == -signal.SIGKILL, (tmp_path / "told").read_text()
                heads[at] = head(tmp_path, locks)
        time.sleep(0.05)
    assert faults(plans_of(tmp_path / "registry", PLANS)[1], tmp_path / "out") == []


def test_two_sweeps_on_one_folder_share_the_work_while_things_die(tmp_path: Path) -> None:
    a_round(tmp_path, 0, most=2, locks=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_random_rounds_of_faults(tmp_path: Path, seed: int) -> None:
    a_round(tmp_path, seed, most=6, locks=seed % 2 == 0)
