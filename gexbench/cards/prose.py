"""What on a card touches no number of a run: one rule for plan ids, boards and `gexbench verify`."""

from __future__ import annotations

from typing import Any, TypeVar

from gexbench.cards.fields import Frozen
from gexbench.cards.schema import AttackCard, Card, DefenseCard, TaskCard

CardT = TypeVar("CardT", bound=Card)

PROSE = (
    "summary",
    "source",
    "sources",
    "note",
    "licence",
    "upstream",
    "stands_in_for",
    "folder",
    "endpoint",
    "facts",
    "controls",
    "tolerance",
    "ideal",
    "sweep",
    "training_flops",
)


def bare(value: Frozen) -> dict[str, Any]:
    """Return a card or passport as plain data, less the fields that touch no number of a run.

    Defaults are left out too, so that a field which cards got later changes nothing for those without it. Which other
    services a defense can guard is of no matter either: the plan's task says which it does.
    """
    without = (*PROSE, "task_kinds") if isinstance(value, DefenseCard) else PROSE
    return value.model_dump(
        mode="json",
        exclude={**dict.fromkeys(without, True), "options": {"__all__": {"help"}}},
        exclude_defaults=True,
    )


def plain(value: Any) -> Any:
    """Return any field of a plan as plain data, its cards bare."""
    if isinstance(value, Frozen):
        return bare(value)
    return [plain(part) for part in value] if isinstance(value, tuple) else value


def differing(a: Frozen, b: Frozen) -> list[str]:
    """Name the fields in which two values differ, less those that touch no number of a run."""
    left, right = bare(a), bare(b)
    return [key for key in type(a).model_fields if left.get(key) != right.get(key)]


def at_profile(card: CardT, profile: str) -> CardT:
    """Return a card with one of its profiles, if it has any, and options without their bounds.

    The others do not touch a run's numbers, and neither do bounds, since a run's options stand in its plan, nor the
    largest question, since no image of the pool is larger, nor what else could have stood in for the data.
    """
    changes: dict[str, Any] = {}
    free = {"min": None, "max": None, "choices": None}
    if isinstance(card, TaskCard | AttackCard | DefenseCard):
        changes["profile"] = {name: values for name, values in card.profile.items() if name == profile}
    if isinstance(card, TaskCard):
        changes["profile"] = {
            name: scale.model_copy(update={"largest": None, "otherwise": None})
            for name, scale in changes["profile"].items()
        }
    if isinstance(card, AttackCard | DefenseCard):
        changes["options"] = {name: option.model_copy(update=free) for name, option in card.options.items()}
    return card.model_copy(update=changes)
