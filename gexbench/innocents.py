"""Making sets of innocents: many short runs, of each of which the surrogate alone is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.innocents import Family, InnocentsCard
from gexbench.cards.schema import VictimCard
from gexbench.errors import AssetMissing, CardError
from gexbench.plan import Plan, Request, settings_of
from gexbench.record import RunRecord
from gexbench.sweeps.plans import Sweep, plan_all
from gexbench.sweeps.work import Executor, Watch, Work, run_all, serially, unwatched

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class State:
    """How far a set of innocents is: how many are here, plans of those that are not, and why others cannot be made."""

    card: InnocentsCard
    folder: Path
    here: int
    lacking: tuple[Plan, ...]
    missing: tuple[str, ...]


def state(card: InnocentsCard, catalog: Catalog) -> State:
    """Return how far a set is; what was made by an earlier version of the code counts as it is."""
    from gexbench.engine.run.innocents import belongs, records_of, runs_of, set_folder, victims_of

    made = [record.plan for record, _ in records_of(card)]
    lacking: list[Plan] = []
    missing = [f"victim {name}: {why}" for name in card.victims if (why := _why_not(name, catalog))]
    for family in card.families:
        known = {(plan.budget, plan.seed) for plan in made if belongs(plan, card, family)}
        try:
            plans = _plans(card, family, catalog)
        except (AssetMissing, CardError) as error:
            missing.append(f"{family.attack} on {family.victim}: {error}")
            continue
        lacking += [plan for plan in plans if (plan.budget, plan.seed) not in known]
    here = {source.id for source in (*runs_of(card), *victims_of(card, catalog))}
    return State(card, set_folder(card), len(here), tuple(lacking), tuple(missing))


def make(found: State, catalog: Catalog, executor: Executor = serially, progress: Watch = unwatched) -> list[RunRecord]:
    """Make what a set lacks, and return the records; what was made before stays, and what was killed goes on."""
    plans = found.lacking
    if not plans:
        return []

    work = Work(catalog, found.folder / "runs", progress, run=bench.make_surrogate)
    return run_all(plans, work, executor)


def _plans(card: InnocentsCard, family: Family, catalog: Catalog) -> list[Plan]:
    """Return the plans of a family's runs, each in one process: no code but gexbench's runs there."""
    base = Request(
        card.task,
        family.attack,
        profile=card.profile,
        settings=settings_of(family.options),
        isolation="none",
        victim=family.victim,
        folders=tuple(root.path for root in catalog.roots if root.outside),
    )
    return plan_all(Sweep(base, budgets=list(map(str, family.budgets)), seeds=range(family.seeds)))[1]


def _why_not(name: str, catalog: Catalog) -> str:
    from gexbench.engine.store.victim_weights import weights_path

    try:
        weights_path(catalog.get(VictimCard, name), catalog)
    except (AssetMissing, CardError) as error:
        return str(error)
    return ""
