"""The records beside one on its board: the other seeds of its row, and the other rows of its profile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gexbench.boards.folder import folder_of
from gexbench.cards.catalog import Catalog
from gexbench.errors import BoardError
from gexbench.record import RunRecord, read_record

BOARDS = Path("leaderboards")
"""Where boards are looked for when a record lies in its own run's folder."""
PROFILE = ("task", "profile", "victim", "dataset", "metrics", "victim_weights", "dataset_pins")
"""What plans of one profile share."""


@dataclass(frozen=True)
class Neighbours:
    """seeds: records that differ from one in the seed alone, one a seed. rows: the profile's other rows, alike."""

    seeds: tuple[RunRecord, ...] = ()
    rows: tuple[tuple[RunRecord, ...], ...] = ()


def around(record: RunRecord, file: Path, catalog: Catalog) -> Neighbours:
    """Return a record's neighbours in its file's folder or, where that is a run's own, on the board below BOARDS.

    Raises BoardError for a record there that cannot be read.
    """
    plan, rows = record.plan.substance(), dict[str, dict[int, RunRecord]]()
    for other in _records(record, file, catalog):
        theirs = other.plan.substance()
        if all(theirs[key] == plan[key] for key in PROFILE):
            rows.setdefault(_row(theirs), {}).setdefault(other.plan.seed, other)
    mine = rows.pop(_row(plan), {})
    mine.pop(record.plan.seed, None)
    return Neighbours(tuple(mine.values()), tuple(tuple(row.values()) for row in rows.values()))


def _records(record: RunRecord, file: Path, catalog: Catalog) -> Iterator[RunRecord]:
    folder = file.parent
    if (folder / "plan.json").is_file():
        try:
            folder = folder_of(record, BOARDS, catalog).folder / "records"
        except BoardError:  # no board takes it
            return
    yield from map(read_record, sorted(folder.glob("*.json")))


def _row(substance: dict[str, Any]) -> str:
    return json.dumps({**substance, "seed": 0, "code": ""}, sort_keys=True)
