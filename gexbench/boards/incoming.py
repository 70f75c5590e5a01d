"""Which of the things that a user names are records: run folders and files, or patterns of them."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gexbench.errors import BoardError
from gexbench.files import read_bounded
from gexbench.foreign_text import shown
from gexbench.record import LARGEST_FILE

WAY = "give run folders, such as runs/*, or record.json files"


@dataclass(frozen=True)
class Incoming:
    """records: run folders and files that hold a record, good or not. skipped: what holds none, a line each."""

    records: tuple[Path, ...]
    skipped: tuple[str, ...]


def incoming(named: Sequence[Path]) -> Incoming:
    """Sort what a user names; each counts once, in the order given.

    named: places, or patterns where no such place is. Raises BoardError for one that nothing lies at, and where nothing
    at all is a record.
    """
    why = {place: _no_record(place) for each in named for place in _places(each)}
    records = tuple(place for place, reason in why.items() if not reason)
    skipped = tuple(f"{shown(str(place))}: {reason}" for place, reason in why.items() if reason)
    if not records:
        raise BoardError("none of this is a record:\n  " + "\n  ".join(skipped), WAY)
    return Incoming(records, skipped)


def _places(named: Path) -> Iterator[Path]:
    found = [named] if os.path.lexists(named) else [Path(each) for each in sorted(glob.glob(str(named)))]
    if not found:
        raise BoardError(f"nothing lies at {shown(str(named))}", WAY)
    yield from found


def _no_record(place: Path) -> str:
    """Say why a place holds no record; empty where it holds one, be it broken: a record.json, or JSON with a seal."""
    if place.is_dir():
        if os.path.lexists(place / "record.json"):
            return ""
        return "its run is not finished" if (place / "plan.json").is_file() else "no run folder"
    if place.name == "record.json":
        return ""
    try:
        content = json.loads(read_bounded(place, LARGEST_FILE))
    except (OSError, ValueError, RecursionError):
        return "no record"
    return "" if isinstance(content, dict) and "seal" in content else "no record"
