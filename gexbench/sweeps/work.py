"""A run as a unit of work that can be done anywhere, and doing many of them."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from gexbench import bench
from gexbench.bench import Progress, quiet
from gexbench.cards.catalog import Catalog
from gexbench.errors import GexbenchError, PlanError
from gexbench.plan import Plan
from gexbench.record import Account, Provenance, RunRecord

Watch = Callable[[Plan], AbstractContextManager[Progress]]
"""What is entered for each run, and gives what shows its progress."""


def unwatched(plan: Plan) -> AbstractContextManager[Progress]:
    """Show nothing of a run."""
    return nullcontext(quiet)


@dataclass(frozen=True)
class Ended:
    """What became of a run. id: its plan's. end: the record, or what kept it from having one. seconds: on the clock."""

    id: str
    end: RunRecord | Exception
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Say whether there is no record of a run that ended well."""
        return isinstance(self.end, Exception) or self.end.status != "ok"


_FILES = {
    "code": "other code",
    "plug_ins": "another plug-in",
    "victim_weights": "another victim",
    "dataset_pins": "another list of files",
}


@dataclass(frozen=True)
class Work:
    """What turns a plan into what becomes of it.

    keep: see bench.run_plan, which is called unless `run` names what does less. It can be pickled where its `progress`
    can, as the default can, and so can plans. Where nothing can be sent, `gexbench run --plan FILE --out OUT` does the
    same, with --registry for each folder of cards.
    """

    catalog: Catalog
    out: Path
    progress: Watch = unwatched
    keep: bool = True
    run: Callable[[Plan, Catalog, Path, Progress], RunRecord] | None = None

    def __call__(self, plan: Plan) -> Ended:
        """Run a plan."""
        begin = time.perf_counter()
        try:
            with self.progress(plan) as tick:
                end: RunRecord | Exception = self._run(plan, tick)
        except Exception as error:  # of one run of many: the others go on
            end = error
        return Ended(plan.id, end, time.perf_counter() - begin)

    def _run(self, plan: Plan, tick: Progress) -> RunRecord:
        if self.run is not None:
            return self.run(plan, self.catalog, self.out, tick)
        self._refuse_other_files(plan)
        return bench.run_plan(plan, self.catalog, self.out, tick, self.keep)

    def _refuse_other_files(self, plan: Plan) -> None:
        """Raise PlanError where code, weights or data here are not those of the plan, which was made a while ago."""
        here = bench.identify(plan.request(), self.catalog)
        for field, told in _FILES.items():
            if getattr(here, field) != getattr(plan, field):
                what = f"{plan.run_name} was planned with {told} than is here now"
                raise PlanError(what, "start again, and it is planned anew; other machines need the same gexbench")


Executor = Callable[[Callable[[Plan], Ended], Sequence[Plan]], Iterable[Ended]]
"""Returns `work(plan)` for each plan, in any order and wherever it is called: the `map` of any pool is one."""


def serially(work: Callable[[Plan], Ended], plans: Sequence[Plan]) -> Iterator[Ended]:
    """Run plans one after the other in this process."""
    return map(work, plans)


def run_all(plans: Sequence[Plan], work: Work, executor: Executor = serially) -> list[RunRecord]:
    """Run plans and return their records in the same order.

    A run that fails gives a failed record; one that the machine did not let begin or end, for missing weights say, a
    failed record that is on no disk, so that it goes on another time. Raises the first error where no run got further.
    """
    ended = {each.id: each.end for each in executor(work, plans)}
    ends = [ended[plan.id] for plan in plans]
    errors = [end for end in ends if isinstance(end, Exception)]
    if errors and len(errors) == len(ends):
        raise errors[0]
    return [without_record(p, end) if isinstance(end, Exception) else end for p, end in zip(plans, ends, strict=True)]


def reason_of(error: Exception) -> str:
    """Return in one text what was wrong and the way out."""
    hint = f" ({error.hint})" if isinstance(error, GexbenchError) and error.hint else ""
    kind = "" if isinstance(error, GexbenchError) else f"unexpected {type(error).__name__}: "
    return f"{kind}{error}{hint}"


def without_record(plan: Plan, error: Exception) -> RunRecord:
    """Return what is known of a run that an error kept from having a record, as a failed one."""
    from gexbench.engine.machine import provenance

    commit, dirty = provenance.git_state()
    return RunRecord(
        id=plan.id,
        status="failed",
        reason=reason_of(error),
        isolation="none",
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        plan=plan,
        account=Account(budget=plan.budget),
        provenance=Provenance(
            package=provenance.own_version(),
            code=plan.code,
            git=commit,
            dirty=dirty,
            python=provenance.python(),
            libraries=provenance.versions(),
            platform=provenance.system(),
            processor="",
            device=plan.device,
            precision="",
            threads=0,
            victim_weights=plan.victim_weights,
            dataset="",
        ),
    )
