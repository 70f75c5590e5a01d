"""Many runs: a list of plans from lists of choices, and running it, here or elsewhere."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Literal

from gexbench import bench
from gexbench.bench import Progress, quiet
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DefenseCard
from gexbench.errors import GexbenchError, PlanError
from gexbench.plan import Identity, Plan, Request, resolve, settings_of
from gexbench.record import Account, Provenance, RunRecord

Watch = Callable[[Plan], AbstractContextManager[Progress]]
"""What is entered for each run, and gives what shows its progress."""


@dataclass(frozen=True)
class Sweep:
    """Every combination of what is listed here, in the order of these fields; an empty list leaves what `base` says.

    attacks, defenses: names, or submissions' folders; a defense None is none. settings: each a set of texts
    `key=value`, which come after those of `base`. budgets, seeds: "all" for those that the profile wants. strengths:
    whether each defense is met at every value that its card's `sweep` names.
    """

    base: Request
    tasks: Sequence[str] = ()
    victims: Sequence[str] = ()
    attacks: Sequence[str] = ()
    defenses: Sequence[str | None] = ()
    settings: Sequence[tuple[str, ...]] = ()
    budgets: Sequence[str] | Literal["all"] = ()
    seeds: Sequence[int] | Literal["all"] = ()
    strengths: bool = False

    def cells(self) -> Iterator[Request]:
        """Yield a request for each combination of all but budgets and seeds."""
        base = self.base
        for task, victim, attack, defense, settings in product(
            self.tasks or (base.task,),
            self.victims or (base.victim,),
            self.attacks or (base.attack,),
            self.defenses or (base.defense,),
            self.settings or ((),),
        ):
            yield replace(
                base,
                task=task,
                victim=victim,
                attack=attack,
                defense=defense,
                settings=(*base.settings, *settings),
                defense_settings=() if self.defenses and defense is None else base.defense_settings,
            )


def plan_all(sweep: Sweep) -> tuple[Catalog, list[Plan]]:
    """Return the catalog and the plans of a sweep in its order, each once.

    Raises GexbenchError for the first that the cards do not allow.
    """
    cells = [bench.name_folders(cell) for cell in sweep.cells()]
    catalog = Catalog.load(dict.fromkeys(folder for cell in cells for folder in cell.folders))
    cells = [bench.name_victim(bench.settle(cell, catalog), catalog) for cell in cells]
    if sweep.strengths:
        cells = [each for cell in cells for each in _at_strengths(cell, catalog)]
    planner = _Planner(catalog)
    plans: dict[str, Plan] = {}
    for cell in cells:
        first = planner.plan(cell)
        budgets = [str(b) for b in first.scale.budgets] if sweep.budgets == "all" else sweep.budgets or (cell.budget,)
        seeds = range(first.profile.seeds) if sweep.seeds == "all" else sweep.seeds or (cell.seed,)
        for budget, seed in product(budgets, seeds):
            plan = planner.plan(replace(cell, budget=budget, seed=seed))
            plans.setdefault(plan.id, plan)
    return catalog, list(plans.values())


def _at_strengths(cell: Request, catalog: Catalog) -> Iterator[Request]:
    """Yield a request at each strength that its defense's card names; itself where it has no defense.

    Raises PlanError where the card names none.
    """
    if cell.defense is None:
        yield cell
        return
    card = catalog.get(DefenseCard, cell.defense)
    if not card.sweep:
        raise PlanError(f"the card of defense {card.name!r} names no strengths", "write [sweep] on it, as docs say")
    options, values = zip(*card.sweep.items(), strict=True)
    for chosen in product(*values):
        settings = settings_of(dict(zip(options, chosen, strict=True)))
        yield replace(cell, defense_settings=(*cell.defense_settings, *settings))


@dataclass
class _Planner:
    """Make plans; what identifies weights, data and code is found once for all requests of the same names."""

    catalog: Catalog
    known: dict[tuple[str | None, ...], Identity] = field(default_factory=dict)

    def plan(self, request: Request) -> Plan:
        """Return the plan of a request."""
        r = request
        names = (r.task, r.profile, r.attack, r.defense, r.victim, r.dataset)
        if names not in self.known:
            self.known[names] = bench.identify(request, self.catalog)
        return resolve(request, self.catalog, self.known[names])


def unwatched(plan: Plan) -> AbstractContextManager[Progress]:
    """Show nothing of a run."""
    return nullcontext(quiet)


@dataclass(frozen=True)
class Work:
    """What turns a plan into its record, or into the error that kept it from having one.

    keep: see bench.run_plan, which is called unless `run` names what does less. It can be pickled where its `progress`
    can, as the default can, and so can plans. Where nothing can be sent, `gexbench run --plan FILE --out OUT` does the
    same, with --registry for each folder of cards.
    """

    catalog: Catalog
    out: Path
    progress: Watch = unwatched
    keep: bool = True
    run: Callable[[Plan, Catalog, Path, Progress], RunRecord] | None = None

    def __call__(self, plan: Plan) -> RunRecord | Exception:
        """Run a plan."""
        try:
            with self.progress(plan) as tick:
                if self.run is not None:
                    return self.run(plan, self.catalog, self.out, tick)
                return bench.run_plan(plan, self.catalog, self.out, tick, self.keep)
        except Exception as error:  # of one run of many: the others go on
            return error


Executor = Callable[[Work, Sequence[Plan]], Iterable[RunRecord | Exception]]
"""Returns `work(plan)` for each plan, in their order, wherever it is called: the `map` of any pool is one."""


def serially(work: Work, plans: Sequence[Plan]) -> Iterator[RunRecord | Exception]:
    """Run plans one after the other in this process."""
    return map(work, plans)


def run_all(
    plans: Sequence[Plan],
    catalog: Catalog,
    out: Path,
    executor: Executor = serially,
    progress: Watch = unwatched,
    keep: bool = True,
) -> list[RunRecord]:
    """Run plans below `out` and return their records in the same order; keep: see bench.run_plan.

    A run that fails gives a failed record; one that the machine did not let begin or end, for missing weights say, a
    failed record that is on no disk, so that it goes on another time. Raises the first error where no run got further.
    """
    ended = list(executor(Work(catalog, out, progress, keep), plans))
    errors = [end for end in ended if isinstance(end, Exception)]
    if errors and len(errors) == len(ended):
        raise errors[0]
    return [_failed(p, end) if isinstance(end, Exception) else end for p, end in zip(plans, ended, strict=True)]


def _failed(plan: Plan, error: Exception) -> RunRecord:
    """Return what is known of a run that an error kept from having a record."""
    from gexbench.engine.machine import provenance

    commit, dirty = provenance.git_state()
    hint = f" ({error.hint})" if isinstance(error, GexbenchError) and error.hint else ""
    kind = "" if isinstance(error, GexbenchError) else f"unexpected {type(error).__name__}: "
    return RunRecord(
        id=plan.id,
        status="failed",
        reason=f"{kind}{error}{hint}",
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
