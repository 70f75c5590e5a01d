"""How readers read the settings of a card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

from gexbench.errors import CardError, nearest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def numbers(cls: type[T], settings: Mapping[str, Any], reader: str, least: Mapping[str, int]) -> T:
    """Return settings as a dataclass of numbers, each with a default; least: by name, where it is not 0.

    Whole numbers are taken for others, too. reader: what the message calls it. Raises CardError for an unknown key, a
    value of another type, and one below the least.
    """
    refuse_unknown(settings, (field.name for field in fields(cls)), reader)
    kinds = {field.name: type(field.default) for field in fields(cls) if field.default is not MISSING}
    for key, value in settings.items():
        low = least.get(key, 0)
        if type(value) not in (int, kinds[key]) or value < low:
            raise CardError(f"settings.{key} = {value!r} is refused", f"it takes {kinds[key].__name__}, {low} or more")
    return cls(**settings)


def refuse_unknown(settings: Iterable[str], known: Iterable[str], reader: str) -> None:
    """Raise CardError, with the nearest name, for a setting that a reader does not have."""
    names = list(known)
    for key in settings:
        if key not in names:
            raise CardError(f"settings.{key} is not a setting of {reader}", nearest(key, names))
