"""Runs in processes of this machine."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import pytest
from record_factory import record_of, write_registry

from gexbench.bench import Progress
from gexbench.cards.catalog import Catalog
from gexbench.errors import WorkerLost
from gexbench.plan import Plan
from gexbench.record import RunRecord
from gexbench.sweeps.campaign import Campaign
from gexbench.sweeps.local import Local
from gexbench.sweeps.work import Ended, Work
from sweeps.toy_runs import faults, plans_of, toy


def noted(plan: Plan, catalog: Catalog, out: Path, progress: Progress) -> RunRecord:
    """Write down what the process was told."""
    told = [os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")]
    (out / f"{plan.seed} {os.getpid()} {' '.join(told)}").touch()
    time.sleep(0.1)
    return record_of(plan)


def dies(plan: Plan, catalog: Catalog, out: Path, progress: Progress, once: bool) -> RunRecord:
    """Die in the run of seed 1, the first time or always."""
    mark = out / "died"
    if plan.seed == 1 and not (once and mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return record_of(plan)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return write_registry(tmp_path / "registry")


def test_runs_are_done_side_by_side_each_with_its_share_of_cores_and_its_device(
    tmp_path: Path, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    catalog, plans = plans_of(registry, 6)
    ends = list(Local(2, ("3", "GPU-x"))(Work(catalog, tmp_path / "out", run=noted), plans))
    assert {ended.id for ended in ends} == {plan.id for plan in plans}
    assert not any(ended.failed for ended in ends)
    seen = {tuple(path.name.split()[1:]) for path in (tmp_path / "out").iterdir()}
    assert len({process for process, *_ in seen}) == 2
    assert {device for *_, device in seen} == {"3", "GPU-x"}
    assert {threads for _, threads, _ in seen} == {str(max(1, len(os.sched_getaffinity(0)) // 2))}


def test_a_run_whose_process_is_killed_is_lost_and_the_others_go_on(tmp_path: Path, registry: Path) -> None:
    catalog, plans = plans_of(registry, 4)
    work = Work(catalog, tmp_path / "out", run=partial(dies, once=False))
    ends = {ended.id: ended for ended in Local(2)(work, plans)}
    assert [ends[plan.id].failed for plan in plans] == [False, True, False, False]
    lost = ends[plans[1].id].end
    assert isinstance(lost, WorkerLost)
    assert "killed by signal 9" in str(lost)


def test_a_run_whose_process_was_killed_is_tried_again(tmp_path: Path, registry: Path) -> None:
    catalog, plans = plans_of(registry, 3)
    campaign = Campaign(Work(catalog, tmp_path / "out", run=partial(dies, once=True)), Local(1))
    assert [ended.failed for ended in campaign(plans)] == [False] * 3


def test_who_stops_to_listen_ends_the_processes(tmp_path: Path, registry: Path) -> None:
    catalog, plans = plans_of(registry, 50)
    ends = Local(2)(Work(catalog, tmp_path / "out", run=noted), plans)
    assert isinstance(next(iter(ends)), Ended)
    ends.close()  # type: ignore[attr-defined]
    count = len(list((tmp_path / "out").iterdir()))
    time.sleep(0.3)
    assert len(list((tmp_path / "out").iterdir())) == count < 50


def test_the_last_run_is_told_of_before_its_process_has_ended(tmp_path: Path, registry: Path) -> None:
    catalog, plans = plans_of(registry, 2)
    ends = iter(Local(2)(Work(catalog, tmp_path / "out", run=noted), plans))
    assert len({next(ends).id for _ in plans}) == len(active_children()) == 2
    assert list(ends) == []
    assert active_children() == []


def test_toy_runs_end_with_one_record_each(tmp_path: Path, registry: Path) -> None:
    catalog, plans = plans_of(registry, 5)
    ends = list(Campaign(Work(catalog, tmp_path / "out", run=toy), Local(2))(plans))
    assert not any(ended.failed for ended in ends)
    assert faults(plans, tmp_path / "out") == []
