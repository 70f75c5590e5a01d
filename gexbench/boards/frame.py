"""Records, wherever they lie, as one table of scores."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gexbench.boards.label import attack_label, defense_label
from gexbench.errors import BoardError
from gexbench.record import QUERIED, RunRecord, read_record

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = {
    "id": "str",
    "task": "str",
    "version": "int64",
    "profile": "str",
    "attack": "str",
    "defense": "str",
    "victim": "str",
    "budget": "int64",
    "seed": "int64",
    "metric": "str",
    "compare": "str",
    "test": "str",
    "value": "float64",
    "unit": "str",
    "higher_is_better": "boolean",
    "n": "Int64",
    "answered": "int64",
    "cost_usd": "float64",
    "isolation": "str",
    "status": "str",
    "reason": "str",
    "path": "str",
}


def load_records(
    path: str | Path | Iterable[str | Path] = "leaderboards", *, unreadable: Literal["raise", "warn"] = "raise"
) -> DataFrame:
    """Return the scores of records as a pandas DataFrame, a row a number.

    path: boards, run folders, folders of any of them, or record files. Read are every record.json and records/*.json
    below; a record that lies in two places counts once. attack and defense are named with the options that differ from
    their cards, and defense is "" where there was none. compare "honest" is what a defense costs honest users, and
    "queried" the same on what the attack asked. A run without scores has one row, without a metric; reason says why it
    failed. Raises BoardError for a place that is not there and, unless it shall `warn`, for a record that cannot be
    read.
    """
    return as_frame(_records(path, unreadable))


def as_frame(records: Iterable[tuple[Path | str, RunRecord]]) -> DataFrame:
    """Return the scores of records, each with its path, as `load_records` does."""
    import pandas

    rows = [row for file, record in records for row in score_rows(record, str(file))]
    return pandas.DataFrame(rows, columns=list(COLUMNS)).astype({k: v for k, v in COLUMNS.items() if v != "str"})


def _records(path: str | Path | Iterable[str | Path], unreadable: str) -> Iterator[tuple[Path | str, RunRecord]]:
    seen: set[str] = set()
    for place in [path] if isinstance(path, (str, Path)) else path:
        for file in record_files(Path(place)):
            try:
                record = read_record(file)
            except BoardError as error:
                if unreadable == "raise":
                    raise
                warnings.warn(str(error), stacklevel=4)
                continue
            if record.seal not in seen:
                seen.add(record.seal)
                yield file, record


def record_files(place: Path) -> list[Path]:
    """Return the files of records at a place: a file itself, or every record.json and records/*.json below a folder.

    Raises BoardError where there is nothing.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise BoardError(f"no records at {place}", "give a run folder, runs, leaderboards, or a record.json")
    kept = place.glob("*.json") if place.name == "records" else ()
    return sorted({*place.rglob("record.json"), *place.rglob("records/*.json"), *kept})


def score_rows(record: RunRecord, path: str) -> Iterator[dict[str, Any]]:
    """Yield a mapping of COLUMNS for every number of a record; one without a metric where it has none."""
    plan = record.plan
    run = {
        "id": record.id,
        "task": plan.task.name,
        "version": plan.task.version,
        "profile": plan.profile.name,
        "attack": attack_label(plan),
        "defense": defense_label(plan),
        "victim": plan.victim.name,
        "budget": plan.budget,
        "seed": plan.seed,
        "answered": record.account.answered,
        "cost_usd": record.cost_usd,
        "isolation": record.isolation,
        "status": record.status,
        "reason": record.reason,
        "path": path,
    }
    numbers = [{"compare": "honest", **dict(score)} for score in (*record.scores, *record.honest_cost)]
    numbers += [{**dict(cost), "compare": QUERIED} for cost in record.queried_cost]
    for number in numbers or [{}]:
        yield run | {key: value for key, value in number.items() if key in COLUMNS}
