"""Runs as tasks of Ray."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from record_factory import record_of, write_registry

from gexbench.bench import Progress
from gexbench.cards.catalog import Catalog
from gexbench.plan import Plan
from gexbench.record import RunRecord
from gexbench.sweeps.campaign import Campaign
from gexbench.sweeps.executors import Need
from gexbench.sweeps.ray_tasks import Ray
from gexbench.sweeps.work import Work
from sweeps.toy_runs import Trouble, faults, plans_of, toy

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
pytest.importorskip("ray", reason="ray is an extra")
TESTS = Path(__file__).resolve().parents[1]


def dies_once(plan: Plan, catalog: Catalog, out: Path, progress: Progress) -> RunRecord:
    """Kill the worker in the first run of seed 2."""
    if plan.seed == 2 and not (out / "died").exists():
        (out / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return record_of(plan)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (TESTS, TESTS.parent))))


def test_toy_runs_end_with_one_record_each_and_what_a_run_needs_is_cut_to_what_there_is(tmp_path: Path) -> None:
    catalog, plans = plans_of(write_registry(tmp_path / "registry"), 12)
    work = Work(catalog, tmp_path / "out", run=partial(toy, trouble=Trouble(chance=0.2)))
    executor = Ray(lambda plan: Need(gpus=1, memory=1 << 50), most=2)
    assert [ended.end for ended in Campaign(work, executor, retries=9)(plans) if ended.failed] == []
    assert faults(plans, tmp_path / "out") == []


def test_a_run_whose_worker_is_killed_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    catalog, plans = plans_of(write_registry(tmp_path / "registry"), 4)
    campaign = Campaign(Work(catalog, tmp_path / "out", run=dies_once), Ray(lambda plan: Need(), most=2))
    assert [ended.failed for ended in campaign(plans)] == [False] * 4
    assert (tmp_path / "out" / "died").exists()
