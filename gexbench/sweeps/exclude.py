"""Which combinations of a sweep are left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gexbench.errors import PlanError, nearest
from gexbench.plan import Plan, Request

NO_DEFENSE = "none"
AXES = ("task", "profile", "victim", "attack", "defense", "budget", "seed")


@dataclass
class Exclusions:
    """Rules, each of which leaves out the runs that have one of its values in every key that it names.

    A key is one of AXES or an option of the run's attack or defense. The defense `none` is none, a budget is written
    as the sweep has it or as the number of images it comes to.
    """

    rules: Sequence[Mapping[str, Sequence[str]]]
    _met: set[int] = field(default_factory=set)
    _keys: set[str] = field(default_factory=lambda: set(AXES))

    def cell(self, request: Request) -> bool:
        """Say whether a request is left out whatever its options, budget and seed, before it is planned."""
        facts = {
            "task": (request.task,),
            "profile": (request.profile,),
            "attack": (request.attack,),
            "defense": (request.defense or NO_DEFENSE,),
        }
        return self._matches(facts if request.victim is None else {**facts, "victim": (request.victim,)})

    def plan(self, plan: Plan, budget: str | None) -> bool:
        """Say whether a plan is left out; budget: as it was written."""
        options = {name: (str(value),) for name, value in {**plan.defense_options, **plan.options}.items()}
        self._keys |= options.keys()
        return self._matches(
            {
                **options,
                "task": (plan.task.name,),
                "profile": (plan.profile.name,),
                "victim": (plan.victim.name,),
                "attack": (plan.attack.name,),
                "defense": (plan.defense.name if plan.defense else NO_DEFENSE,),
                "budget": (str(plan.budget), budget or ""),
                "seed": (str(plan.seed),),
            }
        )

    def refuse_idle(self) -> None:
        """Raise PlanError for a rule that left nothing out: a name in it is wrong, or it is not needed."""
        for at, rule in enumerate(self.rules):
            if at not in self._met:
                told = ", ".join(f"{key}={','.join(values)}" for key, values in rule.items())
                unknown = next((key for key in rule if key not in self._keys), None)
                hint = "correct it, or leave it out" if unknown is None else nearest(unknown, self._keys)
                raise PlanError(f"the exclusion {told or '{}'} leaves no run out", hint)

    def _matches(self, facts: Mapping[str, Collection[str]]) -> bool:
        found = [at for at, rule in enumerate(self.rules) if rule and all(_has(facts, *item) for item in rule.items())]
        self._met.update(found)
        return bool(found)


def _has(facts: Mapping[str, Collection[str]], key: str, values: Sequence[str]) -> bool:
    return key in facts and any(_same(value, fact) for value in values for fact in facts[key])


def _same(one: str, other: str) -> bool:
    """Say whether two texts mean one value: 1e-3 and 0.001 do, and so do true and True."""
    if one.lower() == other.lower():
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False
