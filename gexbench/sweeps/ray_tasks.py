"""Runs as tasks of a Ray cluster; needs the extra `ray`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gexbench.errors import WorkerLost
from gexbench.plan import Plan
from gexbench.sweeps.work import Ended

if TYPE_CHECKING:
    from gexbench.sweeps.executors import Need

AHEAD = 2
"""Tasks that are handed to Ray for each that can run, so that a worker need not wait for the next one."""


@dataclass(frozen=True)
class Ray:
    """Run each plan as a task that takes what `need` says; one whose worker dies is a WorkerLost.

    address: of a cluster whose nodes have the same gexbench and see the same `out`; None for a cluster of this machine,
    which is started and stopped. most: tasks at once, None for as many as fit. Ray tries nothing again by itself.
    """

    need: Callable[[Plan], Need]
    address: str | None = None
    most: int | None = None

    def __call__(self, work: Callable[[Plan], Ended], plans: Sequence[Plan]) -> Iterator[Ended]:
        """Yield what becomes of each plan, as they end."""
        import ray

        own = not ray.is_initialized()
        if own:
            ray.init(address=self.address, log_to_driver=False, logging_level="error", **self._size())
        try:
            yield from self._all(ray, ray.put(work), plans)
        finally:
            if own:
                ray.shutdown()

    def _size(self) -> dict[str, Any]:
        """Return what a cluster of this machine is started with."""
        if self.address is not None:
            return {}
        return {"include_dashboard": False} | ({"num_cpus": self.most} if self.most else {})

    def _all(self, ray: Any, work: Any, plans: Sequence[Plan]) -> Iterator[Ended]:
        cluster, task = ray.cluster_resources(), ray.remote(max_retries=0)(_do)
        most = self.most or AHEAD * max(1, int(cluster.get("CPU", 1)))
        left, flying = iter(plans), dict[Any, Plan]()
        while True:
            while len(flying) < most and (plan := next(left, None)) is not None:
                flying[task.options(**self._options(plan, cluster)).remote(work, plan)] = plan
            if not flying:
                return
            for ready in ray.wait(list(flying))[0]:
                yield _end(ray, ready, flying.pop(ready))

    def _options(self, plan: Plan, cluster: dict[str, float]) -> dict[str, Any]:
        """Return what a task asks for, of what the cluster has at all: else it would wait forever."""
        need = self.need(plan)
        gpus = need.gpus if cluster.get("GPU", 0) >= 1 else 0
        memory = {"memory": min(need.memory, int(cluster.get("memory", 0)))} if need.memory else {}
        return {"num_cpus": need.cpus, "num_gpus": gpus, "name": plan.run_name, **memory}


def _do(work: Callable[[Plan], Ended], plan: Plan) -> Ended:
    return work(plan)


def _end(ray: Any, ready: Any, plan: Plan) -> Ended:
    try:
        ended: Ended = ray.get(ready)
    except ray.exceptions.RayError as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return Ended(plan.id, WorkerLost(f"Ray lost the run: {first}", "the same command goes on"))
    return ended
