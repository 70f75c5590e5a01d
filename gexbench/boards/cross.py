"""Which attack copies which victim: records of one task as a matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from gexbench.boards.accept import pinned
from gexbench.boards.flat import plain
from gexbench.boards.label import attack_label, defense_label
from gexbench.boards.row import Row
from gexbench.boards.sheet import heading, number, with_std
from gexbench.boards.spread import Spread
from gexbench.cards.fields import Compare
from gexbench.errors import BoardError
from gexbench.foreign_text import shown
from gexbench.plan import Plan
from gexbench.record import RunRecord


@dataclass(frozen=True)
class Cross:
    """Victims by attacks at one task, profile and budget; where all runs of a cell failed, it is not in `rows`."""

    plan: Plan
    victims: tuple[str, ...]
    attacks: tuple[str, ...]
    rows: dict[tuple[str, str], Row]

    @property
    def title(self) -> str:
        """Say what was copied at what budget, against what defense."""
        against = f" against {defense_label(self.plan)}" if self.plan.defense else ""
        return shown(f"{pinned(self.plan.task)}{against} · {self.plan.profile.name} · {self.plan.budget} queries")

    def spread(self, victim: str, attack: str, compare: Compare) -> Spread | None:
        """Return the task's main metric over the seeds of a cell; None where nothing was measured."""
        row = self.rows.get((victim, attack))
        return row.score(self.plan.task.main.metric, compare) if row else None

    def accuracy(self, victim: str) -> Spread | None:
        """Return the main metric between a victim and the truth, which is the same in all runs against it."""
        known = (self.spread(victim, attack, "A") for attack in self.attacks)
        return next((found for found in known if found), None)

    def table(self) -> list[list[str]]:
        """Return headings and cells: a line a victim, first its own accuracy, then each attack, mean ± deviation."""
        main = self.plan.task.main
        card = next(card for card in self.plan.metrics if card.name == main.metric)
        lines = [["victim", heading(card, "A"), *(f"{heading(card, main.compare)} of {name}" for name in self.attacks)]]
        for victim in self.victims:
            own, cells = self.accuracy(victim), (self.spread(victim, name, main.compare) for name in self.attacks)
            lines.append([victim, number(own.mean if own else None, card), *(with_std(each, card) for each in cells)])
        return [list(map(shown, line)) for line in lines]


def make_cross(records: Iterable[RunRecord]) -> Cross:
    """Return the matrix of runs that differ in victim, attack and seed; failed ones leave a gap.

    Raises BoardError for none, and for runs of other tasks, profiles, budgets, defenses, data or recipes of the main
    metric.
    """
    runs = sorted(records, key=lambda run: run.plan.seed)
    if not runs:
        raise BoardError("a matrix needs at least one record", "name victims and attacks")
    well = [run for run in runs if run.status == "ok"]
    for run in well:
        if _alike(run) != _alike(well[0]):
            raise BoardError(
                f"{run.plan.run_name} and {well[0].plan.run_name} cannot stand in one matrix",
                "run both with one version of gexbench, at one task, profile, budget and defense",
            )
    victims = tuple(dict.fromkeys(run.plan.victim.name for run in runs))
    attacks = tuple(dict.fromkeys(attack_label(run.plan) for run in runs))
    rows = {}
    for cell in product(victims, attacks):
        own = tuple(run for run in well if (run.plan.victim.name, attack_label(run.plan)) == cell)
        if own:
            rows[cell] = Row(cell[1], own)
    return Cross(runs[0].plan, victims, attacks, rows)


def as_json(cross: Cross) -> dict[str, Any]:
    """Return a matrix as plain data: each victim's accuracy (comparison A), and each cell's main metric."""
    plan, main = cross.plan, cross.plan.task.main
    cells = [
        {"victim": victim, "attack": attack, "compare": compare, "mean": found.mean, "std": found.std, "n": found.n}
        for victim, attack in product(cross.victims, cross.attacks)
        for compare in dict.fromkeys(("A", main.compare))
        if (found := cross.spread(victim, attack, compare)) is not None
    ]
    head = {"task": pinned(plan.task), "defense": defense_label(plan) or None, "profile": plan.profile.name}
    return {**head, "budget": plan.budget, "metric": main.metric, "cells": plain(cells)}


def _alike(run: RunRecord) -> tuple[Any, ...]:
    """Return what runs of one matrix have in common."""
    plan, main = run.plan, run.plan.task.main.metric
    recipes = {score.passport.model_dump_json() for score in run.scores if score.metric == main}
    return pinned(plan.task), defense_label(plan), plan.profile.name, plan.budget, run.provenance.dataset, recipes
