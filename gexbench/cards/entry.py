"""From an entry string on a card to the object it names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from gexbench.errors import CardError, nearest


def load_entry(entry: str, code: Path | None = None) -> Any:
    """Import `module:Name` and return the object; `code` is a folder put first on the path for it.

    Runs foreign code when the card is foreign: only the processes of attack and defense call this for plug-ins.
    Raises CardError naming the module or the attribute that is missing.
    """
    module_name, _, attribute = entry.partition(":")
    if code is not None:
        sys.path[:] = [str(code), *(each for each in sys.path if each != str(code))]
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise CardError(
            f"cannot import {error.name!r} for the entry {entry!r}", "install it, or correct `entry`"
        ) from error
    if not hasattr(module, attribute):
        raise CardError(
            f"module {module_name!r} has no {attribute!r} (entry {entry!r})", nearest(attribute, vars(module))
        )
    return getattr(module, attribute)


def entry_of(made: type) -> str:
    """Return the entry string of a class."""
    return f"{made.__module__}:{made.__qualname__}"
