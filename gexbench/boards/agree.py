"""Whether records may stand side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from gexbench.boards.accept import pinned, rules
from gexbench.boards.label import attack_label, defense_label, row_key
from gexbench.cards.prose import at_profile, bare
from gexbench.record import HonestCost, Passport, RunRecord, Score

RENUMBER = "a change that alters numbers needs a new version on its card"


@dataclass(frozen=True)
class Entry:
    """A record and where it lies."""

    path: Path
    record: RunRecord


class Fact(NamedTuple):
    """Something that all records of a scope have alike; `rule` says what to do where it differs."""

    scope: tuple[Any, ...]
    what: str
    rule: str = ""


@dataclass
class Agreement:
    """What the records seen so far agree on.

    Records of one profile must have one victim, one data set, one task card but for the list of its metrics, and one
    passport a metric; those of one defense one defense card, and those of one row one attack card, one plug-in's code
    and one record a seed. versions: whether the task may be of several, which a board's card then bounds.
    """

    versions: bool = False
    entries: list[Entry] = field(default_factory=list)
    _known: dict[Fact, tuple[Any, Path]] = field(default_factory=dict)

    def copies(self, record: RunRecord) -> list[Path]:
        """Return where this very record was seen."""
        return [entry.path for entry in self.entries if entry.record.seal == record.seal]

    def conflict(self, entry: Entry) -> str | None:
        """Say in words in what a record differs from those seen; None when it does not."""
        for fact, value in self._facts(entry.record):
            known, path = self._known.get(fact, (value, entry.path))
            if known != value:
                rule = f"; {fact.rule}" if fact.rule else ""
                return f"its {fact.what} {_gap(value, known)} (compared with {path.name}){rule}"
        return None

    def take(self, entry: Entry) -> None:
        """Remember a record."""
        self.entries.append(entry)
        for fact, value in self._facts(entry.record):
            self._known.setdefault(fact, (value, entry.path))

    def _facts(self, record: RunRecord) -> Iterator[tuple[Fact, Any]]:
        task = record.plan.task
        yield Fact((), "task"), task.name if self.versions else pinned(task)
        yield from _facts(record)


def _gap(new: Any, old: Any) -> str:
    if isinstance(new, dict):
        keys = sorted(key for key in {*new, *old} if new.get(key) != old.get(key))
        return "is another one: they differ in " + ", ".join(keys)
    return f"is {str(new)[:16]}, not {str(old)[:16]}"


def _facts(record: RunRecord) -> Iterator[tuple[Fact, Any]]:
    plan, made = record.plan, record.provenance
    profile = (plan.profile.name,)
    yield Fact(profile, "planned hash of the victim's weights"), plan.victim_weights
    yield Fact(profile, "hash of the victim's weights"), made.victim_weights
    yield Fact(profile, "hash of the data set's file lists"), plan.dataset_pins
    yield Fact(profile, "hash of the data set's files"), made.dataset
    cards = {
        "task": rules(plan.task, plan.profile.name),
        "profile": plan.profile,
        "victim": plan.victim,
        "data-set": plan.dataset,
    }
    for what, card in cards.items():
        yield Fact(profile, f"{what} card"), bare(card)
    for metric, passport in passports(record).items():
        yield Fact(profile, f"passport of {metric}"), bare(passport)
    if plan.defense is not None:
        defended, card = (*profile, defense_label(plan)), at_profile(plan.defense, plan.profile.name)
        yield Fact(defended, f"card of {defense_label(plan)!r}", RENUMBER), bare(card)
        yield Fact(defended, f"code of {defense_label(plan)!r}", RENUMBER), plan.plug_ins.get("defense")
    yield from _row_facts(record)


def _row_facts(record: RunRecord) -> Iterator[tuple[Fact, Any]]:
    plan, label, row = record.plan, attack_label(record.plan), row_key(record.plan)
    card = at_profile(plan.attack, plan.profile.name)
    yield Fact(row, f"card of {label!r}", RENUMBER), bare(card)
    yield Fact(row, f"code of {label!r}", RENUMBER), plan.plug_ins.get("attack")
    yield Fact((*row, plan.seed), f"id at seed {plan.seed} of {label!r}", "a row takes one record a seed"), record.id
    yield Fact((*row, record.id), "seal", "an accepted record is never changed"), record.seal


def passports(record: RunRecord) -> dict[str, Passport]:
    """Return the passport of every metric that was measured."""
    measured: tuple[Score | HonestCost, ...] = (*record.queried_cost, *record.honest_cost, *record.scores)
    return {s.metric: s.passport for s in measured}
