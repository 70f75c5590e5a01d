"""A list of plans from lists of choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Literal

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AttackCard, DefenseCard
from gexbench.errors import PlanError, nearest
from gexbench.plan import Identity, Plan, Request, option_names, resolve, settings_of
from gexbench.sweeps.exclude import Exclusions

Values = Mapping[str, Sequence[str]]
"""By option, the texts of the values that it takes one after the other."""


@dataclass(frozen=True)
class Sweep:
    """Every combination of what is listed here, in the order of these fields; an empty list leaves what `base` says.

    attacks, defenses: names, or submissions' folders; a defense None is none. options, defense_options: met by each
    attack and defense that has an option of that name. budgets, seeds: "all" for those that the profile wants.
    strengths: whether each defense is met at every value that its card's `sweep` names. exclude: what is left out.
    """

    base: Request
    tasks: Sequence[str] = ()
    profiles: Sequence[str] = ()
    victims: Sequence[str] = ()
    attacks: Sequence[str] = ()
    defenses: Sequence[str | None] = ()
    options: Values = field(default_factory=dict)
    defense_options: Values = field(default_factory=dict)
    budgets: Sequence[str] | Literal["all"] = ()
    seeds: Sequence[int] | Literal["all"] = ()
    strengths: bool = False
    exclude: Sequence[Values] = ()

    def cells(self) -> Iterator[Request]:
        """Yield a request for each combination of all but options, budgets and seeds."""
        base = self.base
        for task, profile, victim, attack, defense in product(
            self.tasks or (base.task,),
            self.profiles or (base.profile,),
            self.victims or (base.victim,),
            self.attacks or (base.attack,),
            self.defenses or (base.defense,),
        ):
            yield replace(
                base,
                task=task,
                profile=profile,
                victim=victim,
                attack=attack,
                defense=defense,
                defense_settings=() if self.defenses and defense is None else base.defense_settings,
            )


def plan_all(sweep: Sweep) -> tuple[Catalog, list[Plan]]:
    """Return the catalog and the plans of a sweep in its order, each once.

    Raises GexbenchError for the first that the cards do not allow, and PlanError for an option that none of them has
    and for an exclusion that leaves nothing out.
    """
    cells = [bench.name_folders(cell) for cell in sweep.cells()]
    catalog = Catalog.load(dict.fromkeys(folder for cell in cells for folder in cell.folders))
    left_out = Exclusions(sweep.exclude)
    cells = [cell for cell in (bench.settle(cell, catalog) for cell in cells) if not left_out.cell(cell)]
    cells = [bench.name_victim(cell, catalog) for cell in cells]
    cells = [each for cell in cells for each in _at_strengths(cell, sweep, catalog)]
    _refuse_options_of_none(sweep, cells, catalog)
    planner = _Planner(catalog)
    plans: dict[str, Plan] = {}
    for cell in [each for one in cells for each in _with_options(one, sweep, catalog)]:
        first = planner.plan(cell)
        budgets = [str(b) for b in first.scale.budgets] if sweep.budgets == "all" else sweep.budgets or (cell.budget,)
        seeds = range(first.profile.seeds) if sweep.seeds == "all" else sweep.seeds or (cell.seed,)
        for budget, seed in product(budgets, seeds):
            plan = planner.plan(replace(cell, budget=budget, seed=seed))
            if not left_out.plan(plan, budget):
                plans.setdefault(plan.id, plan)
    left_out.refuse_idle()
    return catalog, list(plans.values())


def _at_strengths(cell: Request, sweep: Sweep, catalog: Catalog) -> Iterator[Request]:
    """Yield a request at each strength that its defense's card names, where the sweep wants them; else itself.

    Raises PlanError where the card names none.
    """
    if not sweep.strengths or cell.defense is None:
        yield cell
        return
    card = catalog.get(DefenseCard, cell.defense)
    if not card.sweep:
        raise PlanError(f"the card of defense {card.name!r} names no strengths", "write [sweep] on it, as docs say")
    options, values = zip(*card.sweep.items(), strict=True)
    for chosen in product(*values):
        settings = settings_of(dict(zip(options, chosen, strict=True)))
        yield replace(cell, defense_settings=(*cell.defense_settings, *settings))


def _with_options(cell: Request, sweep: Sweep, catalog: Catalog) -> Iterator[Request]:
    """Yield a request for each combination of the sweep's options that its attack and its defense have."""
    attack, defense = _named(cell, catalog)
    against = () if defense is None else option_names(defense)
    for settings, others in product(
        _chosen(sweep.options, option_names(attack)), _chosen(sweep.defense_options, against)
    ):
        yield replace(cell, settings=(*cell.settings, *settings), defense_settings=(*cell.defense_settings, *others))


def _chosen(values: Values, names: Sequence[str]) -> list[tuple[str, ...]]:
    had = [[f"{name}={text}" for text in texts] for name, texts in values.items() if name in names]
    return list(product(*had))


def _named(cell: Request, catalog: Catalog) -> tuple[AttackCard, DefenseCard | None]:
    return catalog.get(AttackCard, cell.attack), catalog.get(DefenseCard, cell.defense) if cell.defense else None


def _refuse_options_of_none(sweep: Sweep, cells: Sequence[Request], catalog: Catalog) -> None:
    """Raise PlanError for an option that no attack, or no defense, of the sweep has."""
    named = [_named(cell, catalog) for cell in cells]
    attacks = {name for attack, _ in named for name in option_names(attack)}
    defenses = {name for _, defense in named if defense is not None for name in option_names(defense)}
    for role, given, known in (("attack", sweep.options, attacks), ("defense", sweep.defense_options, defenses)):
        for name in given:
            if name not in known:
                raise PlanError(f"no {role} of the sweep has an option {name!r}", nearest(name, known))


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
