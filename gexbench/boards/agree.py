"""Whether records may stand side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gexbench.boards.accept import differing, task_at
from gexbench.boards.label import attack_label, defense_label, row_key
from gexbench.cards.schema import Frozen
from gexbench.record import Passport, RunRecord


@dataclass(frozen=True)
class Entry:
    """A record and where it lies."""

    path: Path
    record: RunRecord


def conflict(new: Entry, there: Iterable[Entry]) -> str | None:
    """Say in words why a record cannot stand beside those that are there; None when it can.

    Records of one profile must have one victim, one data set, one task card, and one passport a metric; those of one
    defense one defense card, and those of one row one attack card, one plug-in and one record a seed.
    """
    for old in there:
        for words in _conflicts(new.record, old.record):
            return f"{words} (compared with {old.path.name})"
    return None


def _conflicts(new: RunRecord, old: RunRecord) -> Iterator[str]:
    if new.plan.task.name != old.plan.task.name or new.plan.task.version != old.plan.task.version:
        yield f"its task is {new.plan.task.name}@{new.plan.task.version}, not {old.plan.task.name}@{old.plan.task.version}"
    if new.plan.profile.name != old.plan.profile.name:
        return
    yield from _other_hashes(new, old)
    yield from _other_cards(new, old)
    yield from _other_passports(new, old)
    if row_key(new.plan) == row_key(old.plan):
        yield from _row_conflicts(new, old)


def _other_hashes(new: RunRecord, old: RunRecord) -> Iterator[str]:
    pairs = {
        "victim weights": (new.plan.victim_weights, old.plan.victim_weights),
        "loaded victim weights": (new.provenance.victim_weights, old.provenance.victim_weights),
        "data-set list": (new.plan.dataset_pins, old.plan.dataset_pins),
        "data-set files": (new.provenance.dataset, old.provenance.dataset),
    }
    for what, (a, b) in pairs.items():
        if a != b:
            yield f"its {what} {a[:12]}… are not the {b[:12]}… of the other records of profile {new.plan.profile.name!r}"


def _other_cards(new: RunRecord, old: RunRecord) -> Iterator[str]:
    profile = new.plan.profile.name
    pairs: list[tuple[str, Frozen, Frozen]] = [
        ("task", task_at(new.plan.task, profile), task_at(old.plan.task, profile)),
        ("profile", new.plan.profile, old.plan.profile),
        ("victim", new.plan.victim, old.plan.victim),
        ("data-set", new.plan.dataset, old.plan.dataset),
    ]
    a, b = new.plan.defense, old.plan.defense
    if a is not None and b is not None and defense_label(new.plan) == defense_label(old.plan):
        pairs.append(("defense", a, b))
    for what, mine, other in pairs:
        keys = differing(mine, other)
        if keys:
            yield f"its {what} card is another one: they differ in {', '.join(keys)}"


def passports(record: RunRecord) -> dict[str, Passport]:
    """Return the passport of every metric that was measured."""
    return {s.metric: s.passport for s in (*record.honest_cost, *record.scores)}


def _other_passports(new: RunRecord, old: RunRecord) -> Iterator[str]:
    known = passports(old)
    for metric, passport in passports(new).items():
        keys = differing(passport, known.get(metric, passport))
        if keys:
            yield f"its {metric} has another passport: they differ in {', '.join(keys)}"


def _row_conflicts(new: RunRecord, old: RunRecord) -> Iterator[str]:
    label = attack_label(new.plan)
    keys = differing(new.plan.attack, old.plan.attack)
    if keys:
        yield f"its attack card {label!r} is another one: they differ in {', '.join(keys)}; a new version needs a new number"
    if new.provenance.plug_in != old.provenance.plug_in:
        yield f"the code of {label!r} is {new.provenance.plug_in}, and was {old.provenance.plug_in}; a new version needs a new number"
    if new.plan.seed == old.plan.seed:
        yield f"seed {new.plan.seed} of {label!r} stands there already, and a row takes one record a seed"
