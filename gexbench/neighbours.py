"""The records beside one on its board: the other seeds of its row, and the other rows of its profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gexbench.boards.agree import Agreement, Entry
from gexbench.boards.folder import folder_of
from gexbench.boards.label import row_key
from gexbench.cards.catalog import Catalog
from gexbench.errors import BoardError
from gexbench.record import RunRecord, read_record

BOARDS = Path("leaderboards")
"""Where boards are looked for when a record lies in its own run's folder."""


@dataclass(frozen=True)
class Neighbours:
    """seeds: the other records of one record's row, one a seed. rows: the other rows of its profile."""

    seeds: tuple[RunRecord, ...] = ()
    rows: tuple[tuple[RunRecord, ...], ...] = ()


def around(record: RunRecord, file: Path, catalog: Catalog) -> Neighbours:
    """Return a record's neighbours in its file's folder or, where that is a run's own, on the board below BOARDS.

    They are what may stand beside it by the board's rules; others are left out. Raises BoardError for a record there
    that cannot be read.
    """
    agreed, rows = Agreement(), dict[tuple[object, ...], list[RunRecord]]()
    agreed.take(Entry(file, record))
    for path in _files(record, file, catalog):
        entry = Entry(path, read_record(path))
        same = entry.record.plan.profile.name == record.plan.profile.name and entry.record.seal != record.seal
        if same and agreed.conflict(entry) is None:
            agreed.take(entry)
            rows.setdefault(row_key(entry.record.plan), []).append(entry.record)
    seeds = rows.pop(row_key(record.plan), [])
    return Neighbours(tuple(seeds), tuple(map(tuple, rows.values())))


def _files(record: RunRecord, file: Path, catalog: Catalog) -> list[Path]:
    folder = file.parent
    if (folder / "plan.json").is_file():
        try:
            folder = folder_of(record, BOARDS, catalog).folder / "records"
        except BoardError:  # no board takes it
            return []
    return sorted(folder.glob("*.json"))
