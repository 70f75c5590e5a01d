"""Settings of a metric card, read into a frozen dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from gexbench.errors import CardError, nearest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)


def read(kind: type[Settings], settings: Mapping[str, Any]) -> Settings:
    """Return `kind` filled with a card's settings.

    Each field needs a default, whose type its value must have. A field's metadata may hold `least`, the smallest value
    that is allowed, or `choices`. `settings.precision` is for the reader of the card and is left out. Raises CardError
    on an unknown key and on a value that is refused.
    """
    known = {field.name: field for field in fields(kind)}
    given = {key: value for key, value in settings.items() if key != "precision"}
    for key, value in given.items():
        if key not in known:
            raise CardError(f"settings.{key} is not a setting of this metric", nearest(key, [*known, "precision"]))
        _check(known[key], value)
    return kind(**given)


def _check(field: Field[Any], value: Any) -> None:
    wanted = type(field.default)
    fits = isinstance(value, (int, float) if wanted is float else wanted) and not isinstance(value, bool)
    least, choices = field.metadata.get("least"), field.metadata.get("choices")
    if not fits:
        hint = {int: "it is a whole number", float: "it is a number"}.get(wanted, "it is a text")
    elif least is not None and not value >= least:
        hint = f"it is {least} or more"
    elif choices is not None and value not in choices:
        hint = nearest(value, choices)
    else:
        return
    raise CardError(f"settings.{field.name} = {value!r} is refused", hint)
