"""Runs as tasks of Slurm's arrays, on a cluster that three small scripts pretend to be."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

import pytest
from record_factory import write_registry

from gexbench.errors import PlanError, WorkerLost
from gexbench.sweeps import slurm
from gexbench.sweeps.campaign import Campaign
from gexbench.sweeps.slurm import Slurm
from gexbench.sweeps.work import Work
from sweeps.toy_runs import Trouble, faults, plans_of, toy

pytest.importorskip("submitit", reason="submitit is an extra")
TESTS = Path(__file__).resolve().parents[1]
SBATCH = """#!/bin/bash
# Runs the tasks of an array one after the other, as sbatch would have them run elsewhere.
array=$(sed -n 's/^#SBATCH --array=\\([0-9]*\\)-\\([0-9]*\\).*/\\1 \\2/p' "$1"); set -- "$1" ${array:-0 0}
echo "Submitted batch job 7"
cp "$1" "$SPOOL/submitted"
export SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=7 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1
export SLURM_NODEID=0 SLURM_JOB_NODELIST=here SLURM_ARRAY_TASK_COUNT=$(($3 - $2 + 1))
(for SLURM_ARRAY_TASK_ID in $(seq $2 $3); do export SLURM_ARRAY_TASK_ID; bash "$1"; done) >"$SPOOL/log" 2>&1 &
"""
SRUN = """#!/bin/bash
while [[ $1 != *python* ]]; do shift; done
exec "$@"
"""
SACCT = """#!/bin/bash
echo "JobID|State|NodeList"
for task in $(seq 0 20); do echo "7_$task|COMPLETED|here"; done
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the scripts on the path; returns where they leave what they were given."""
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT}.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (TESTS, TESTS.parent))))
    monkeypatch.setenv("SPOOL", str(tmp_path))
    monkeypatch.setattr(slurm, "LOOK_AGAIN", 0.2)
    return tmp_path


def test_an_array_is_submitted_and_every_task_leaves_its_record(cluster: Path) -> None:
    catalog, plans = plans_of(write_registry(cluster / "registry"), 3)
    work = Work(catalog, cluster / "out", run=partial(toy, trouble=Trouble()))
    executor = Slurm(str(cluster / "spool"), 2, {"slurm_partition": "gpu", "timeout_min": "7"})
    assert [ended.end for ended in Campaign(work, executor)(plans) if ended.failed] == []
    assert faults(plans, cluster / "out") == []
    script = (cluster / "submitted").read_text()
    assert "#SBATCH --array=0-2%2" in script
    assert "#SBATCH --partition=gpu" in script
    assert "#SBATCH --time=7" in script


def test_a_parameter_that_submitit_does_not_know_is_refused(cluster: Path) -> None:
    catalog, plans = plans_of(write_registry(cluster / "registry"), 1)
    work = Work(catalog, cluster / "out", run=toy)
    with pytest.raises(PlanError, match=r"--slurm: .*partitoin"):
        list(Slurm(str(cluster / "spool"), None, {"slurm_partitoin": "gpu"})(work, plans))


def test_many_plans_are_several_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "LARGEST_ARRAY", 2)
    assert list(slurm._parts([1, 2, 3, 4, 5])) == [[1, 2], [3, 4], [5]]  # type: ignore[list-item]


def test_a_task_that_is_taken_away_is_queued_again(tmp_path: Path) -> None:
    again = slurm.Task(tmp_path / "work").checkpoint(plans_of(write_registry(tmp_path), 1)[1][0])
    assert again.function == slurm.Task(tmp_path / "work")


def test_a_lost_task_is_a_lost_worker(tmp_path: Path) -> None:
    class Lost:
        job_id, paths = "7_0", type("Paths", (), {"stderr": "x.err"})

        def result(self) -> None:
            raise RuntimeError("Job not requeued because: timed-out\nmore")

    end = slurm._end(Lost(), plans_of(write_registry(tmp_path), 1)[1][0]).end
    assert isinstance(end, WorkerLost)
    assert str(end).endswith("Job not requeued because: timed-out")
