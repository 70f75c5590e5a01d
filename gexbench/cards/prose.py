"""What on a card touches no number of a run: one rule for plan ids, boards and `gexbench verify`."""

from __future__ import annotations

from typing import Any

from gexbench.cards.schema import Frozen, TaskCard

PROSE = ("summary", "source", "note", "licence", "stands_in_for", "facts", "controls", "tolerance")


def bare(value: Frozen) -> dict[str, Any]:
    """Return a card or passport as plain data, less the fields that touch no number of a run.

    Defaults are left out too, so that a field which cards got later changes nothing for those without it.
    """
    return value.model_dump(
        mode="json",
        exclude={**dict.fromkeys(PROSE, True), "options": {"__all__": {"help"}}},
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


def task_at(task: TaskCard, profile: str) -> TaskCard:
    """Return a task's card with one profile: the others do not touch a run's numbers."""
    return task.model_copy(update={"profile": {k: v for k, v in task.profile.items() if k == profile}})
