"""Runs side by side in processes of this machine."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from gexbench.errors import WorkerLost
from gexbench.plan import Plan
from gexbench.sweeps.work import Ended


@dataclass
class _Worker:
    """A process that runs one plan at a time; it ends with its run when the other end of its pipe is gone."""

    process: BaseProcess
    pipe: Connection
    plan: Plan

    @classmethod
    def start(cls, work: Path, plan: Plan, environment: Mapping[str, str]) -> _Worker:
        """Start a process that is to do the work in a file, and give it its first plan."""
        context = get_context("spawn")
        near, far = context.Pipe()
        process = context.Process(target=_serve, args=(far, work, dict(environment)))
        process.start()
        far.close()
        worker = cls(process, near, plan)
        worker.give(plan)
        return worker

    def give(self, plan: Plan) -> None:
        """Give it another plan; where it is gone, `take` says so."""
        self.plan = plan
        with suppress(OSError):
            self.pipe.send(plan)

    def take(self) -> Ended:
        """Return what became of its run; the process is gone where that is a WorkerLost."""
        try:
            ended: Ended = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            self.pipe.close()
            lost = WorkerLost(f"the process of the run {_end(self.process.exitcode)}", "the same command goes on")
            return Ended(self.plan.id, lost)
        return ended


def _serve(pipe: Connection, work: Path, environment: Mapping[str, str]) -> None:
    """Do the work in a file on the plans that come through a pipe, until nobody is at its other end."""
    os.environ.update(environment)  # before anything imports torch
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what a run has started is ended with it
    with suppress(EOFError, OSError, KeyboardInterrupt):
        does: Callable[[Plan], Ended] = pickle.loads(work.read_bytes())
        while True:
            pipe.send(does(pipe.recv()))


def _stop(working: Sequence[_Worker], done: Sequence[_Worker]) -> None:
    """End processes; of those at work the run goes on another time."""
    for worker in working:
        worker.process.terminate()
    for worker in (*working, *done):
        worker.pipe.close()  # which is all that one without work waits for
    for worker in (*working, *done):
        worker.process.join()


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by signal {-code}" + (", as a machine does that is out of memory" if code == -9 else "")
    return f"ended with exit code {code}"


@dataclass(frozen=True)
class Local:
    """Run plans in `jobs` processes at once; a run whose process dies is a WorkerLost.

    devices: CUDA devices by number or name, of which each process sees one; runs share the cores. The processes start
    when they are first needed and do many runs, so torch is imported once in each.
    """

    jobs: int
    devices: tuple[str, ...] = ()

    def __call__(self, work: Callable[[Plan], Ended], plans: Sequence[Plan]) -> Iterator[Ended]:
        """Yield what becomes of each plan, as they end."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "work.pickle"  # through no pipe, in which one worker would wait for the other
            file.write_bytes(pickle.dumps(work))
            yield from self._all(file, plans)

    def _all(self, work: Path, plans: Sequence[Plan]) -> Iterator[Ended]:
        left, workers, done = iter(plans), dict[Connection, tuple[_Worker, int]](), list[_Worker]()
        try:
            for at, plan in zip(range(self.jobs), left, strict=False):
                worker = _Worker.start(work, plan, self._environment(at))
                workers[worker.pipe] = worker, at
            while workers:
                for pipe in wait(list(workers)):
                    worker, at = workers.pop(pipe)  # type: ignore[call-overload]
                    ended, following = worker.take(), next(left, None)
                    lost = isinstance(ended.end, WorkerLost)
                    if following is None and not lost:
                        done.append(worker)  # and waited for at the end: who listens need not
                    if following is not None:
                        if lost:
                            worker = _Worker.start(work, following, self._environment(at))
                        else:
                            worker.give(following)
                        workers[worker.pipe] = worker, at
                    yield ended
        finally:
            _stop([worker for worker, _ in workers.values()], done)

    def _environment(self, at: int) -> dict[str, str]:
        """Return what a process is told: its share of the cores, and its device."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        told = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // self.jobs))}
        return told | ({"CUDA_VISIBLE_DEVICES": self.devices[at % len(self.devices)]} if self.devices else {})
