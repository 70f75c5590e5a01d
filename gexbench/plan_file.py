"""A plan in a file: reading it, and whether it is of the cards, weights, data and code that are here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gexbench.cards.prose import at_profile
from gexbench.errors import PlanError
from gexbench.file_kinds import HEAD, kind_of
from gexbench.files import read_bounded
from gexbench.plan import Plan

LARGEST_FILE = 16 << 20
"""Bytes of a plan's file; those that runs leave have some ten thousand."""


def read_plan(file: Path) -> Plan:
    """Read a plan; raises PlanError where the file is none. Whether it is of what is here, `difference` says."""
    way_out = "give the plan.json of a run's folder"
    try:
        content = read_bounded(file, LARGEST_FILE)
    except OSError as error:
        raise PlanError(f"cannot read the plan {file}: {error.strerror}", way_out) from None
    try:
        return Plan.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise PlanError(f"{file} is not a plan: {_otherwise(content)}{place}: {first['msg']}", way_out) from None


def _otherwise(content: bytes) -> str:
    """Say what a file is that is no plan, "" where that is unknown."""
    kind = kind_of(content[:HEAD])
    if kind is not None and kind.name != "json":
        return f"it is {kind.told}; "
    try:
        held = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    return "it is the record of a run; " if isinstance(held, dict) and {"seal", "plan"} <= held.keys() else ""


def difference(plan: Plan, here: Plan) -> str | None:
    """Say what first, of all that affects the numbers, is other in a plan than here; None where nothing is.

    Cards of attack and defense are held together at the plan's profile and without bounds of options, as on boards.
    """
    theirs, ours = (dict(_leaves(_at_profile(each).substance(), ())) for each in (plan, here))
    for place in (*theirs, *ours):
        values = [side.get(place, "nothing") for side in (theirs, ours)]
        if values[0] != values[1]:
            return f"{'.'.join(place)} is {values[0][:60]}, here it is {values[1][:60]}"
    return None


def _at_profile(plan: Plan) -> Plan:
    cards = {role: card for role, card in (("attack", plan.attack), ("defense", plan.defense)) if card is not None}
    return plan.model_copy(update={role: at_profile(card, plan.profile.name) for role, card in cards.items()})


def _leaves(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of every value in plain data, and the value as JSON."""
    if isinstance(value, dict) or (isinstance(value, (list, tuple)) and value):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(part, (*place, str(key)))
    else:
        yield place, json.dumps(value)
