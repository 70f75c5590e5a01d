"""Runs as tasks of Slurm's job arrays; needs the extra `slurm`, which is submitit."""

from __future__ import annotations

import hashlib
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gexbench.errors import PlanError, WorkerLost
from gexbench.files import atomic_write
from gexbench.plan import Plan
from gexbench.sweeps.work import Ended

LARGEST_ARRAY = 1000
"""Tasks of one array; Slurm's own bound is 1001 unless a cluster says otherwise."""
LOOK_AGAIN = 2.0


@dataclass(frozen=True)
class Task:
    """One task of an array: reads what is to be done from a file that all share, since it is much the larger part."""

    work: Path

    def __call__(self, plan: Plan) -> Ended:
        """Run a plan."""
        work: Callable[[Plan], Ended] = pickle.loads(self.work.read_bytes())
        return work(plan)

    def checkpoint(self, plan: Plan) -> Any:
        """Have the same task queued again, when Slurm takes its machine away or its time is over; the run goes on."""
        import submitit

        return submitit.helpers.DelayedSubmission(self, plan)


@dataclass(frozen=True)
class Slurm:
    """Submit plans as job arrays of at most LARGEST_ARRAY tasks, of which `most` run at once, and wait for them.

    spool: a folder that all nodes see, for scripts and logs. parameters: of submitit, such as timeout_min,
    cpus_per_task, gpus_per_node, mem_gb, slurm_partition. cluster: as submitit knows it; "local" is for trying it.
    """

    spool: str
    most: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    cluster: str = "slurm"

    def __call__(self, work: Callable[[Plan], Ended], plans: Sequence[Plan]) -> Iterator[Ended]:
        """Yield what becomes of each plan, as they end."""
        import submitit

        spool = Path(self.spool).resolve()
        content = pickle.dumps(work)
        shared = spool / f"work-{hashlib.sha256(content).hexdigest()[:8]}.pickle"  # other sweeps have theirs here
        atomic_write(shared, content)
        try:
            executor = submitit.AutoExecutor(folder=str(spool / "%j"), cluster=self.cluster)
        except RuntimeError as error:
            raise PlanError(f"the executor 'slurm' cannot submit here: {error}", "start it on a login node") from None
        self._set(executor)
        jobs = dict[Any, Plan]()
        for part in _parts(plans):
            jobs.update(zip(executor.map_array(Task(shared), part), part, strict=True))
        while jobs:
            for job in [each for each in jobs if each.done()]:
                yield _end(job, jobs.pop(job))
            time.sleep(LOOK_AGAIN if jobs else 0)

    def _set(self, executor: Any) -> None:
        given = {name: int(text) if text.isdecimal() else text for name, text in self.parameters.items()}
        array = {"slurm_array_parallelism": self.most} if self.most else {}
        try:
            executor.update_parameters(**{"name": "gexbench", "timeout_min": 24 * 60, **array, **given})
        except (NameError, TypeError, ValueError) as error:
            raise PlanError(f"--slurm: {error}", "see the parameters of submitit's executors") from None


def _parts(plans: Sequence[Plan]) -> Iterator[Sequence[Plan]]:
    return (plans[at : at + LARGEST_ARRAY] for at in range(0, len(plans), LARGEST_ARRAY))


def _end(job: Any, plan: Plan) -> Ended:
    try:
        ended: Ended = job.result()
    except Exception as error:  # submitit tells a lost task by many kinds
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return Ended(plan.id, WorkerLost(f"the task {job.job_id} was lost: {first}", f"its log: {job.paths.stderr}"))
    return ended
