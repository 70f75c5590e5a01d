"""What a comparison is of: a row of a board by its name, or runs of one's own."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from gexbench.boards.accept import pinned
from gexbench.boards.agree import passports
from gexbench.boards.frame import record_files
from gexbench.boards.label import attack_label, row_key
from gexbench.boards.rank import Board
from gexbench.boards.row import Row
from gexbench.cards.fields import Compare
from gexbench.cards.prose import bare
from gexbench.errors import BoardError, nearest
from gexbench.foreign_text import shown
from gexbench.record import RunRecord, read_record


class Number(NamedTuple):
    """Which number of a row is meant. test: one split, None for the mean of all."""

    metric: str
    compare: Compare
    test: str | None = None

    def __str__(self) -> str:
        """Return it in words, such as `psnr-y B set5`."""
        return " ".join(word for word in self if word)


@dataclass(frozen=True)
class Side:
    """A row and what it is called. folders: of runs of one's own, by seed; nothing of a board's rows."""

    name: str
    row: Row
    folders: dict[int, Path] = field(default_factory=dict)

    @property
    def first(self) -> RunRecord:
        """Return the record of the lowest seed."""
        return self.row.records[0]

    @property
    def marks(self) -> tuple[str, ...]:
        """Return what a reader should know of the row; one's own may have incidents, which a board refuses."""
        incidents = any(record.incidents for record in self.row.records)
        return (*self.row.marks, *(["incidents happened"] if incidents else []))

    def measured(self, metric: str) -> list[RunRecord]:
        """Return the records whose run measured a metric; later versions of a task may measure more."""
        return [record for record in self.row.records if metric in record.plan.measured]

    def has(self, number: Number) -> bool:
        """Whether any seed has a number."""
        return any(record.score(*number) is not None for record in self.measured(number.metric))

    def values(self, number: Number) -> dict[int, float]:
        """Return a number by seed, where it was measured; raises BoardError where it never was.

        Raises it, too, for C as a mean of splits, whose truths have nothing in common, and PlanError for a metric or a
        split that there is none of.
        """
        splits = list(self.first.plan.dataset.splits.test)
        if number.compare == "C" and number.test is None and len(splits) > 1:
            raise BoardError("C is no mean of splits", f"--test names one: {', '.join(splits)}")
        asked = self.measured(number.metric) or [self.first]
        found = {record.plan.seed: record.score(*number) for record in asked}
        known = {seed: value for seed, value in found.items() if value is not None}
        if not known:
            raise BoardError(f"{number} was never measured of {shown(self.name)!r}", "--metric names another number")
        return known


def sides(board: Board, profile: str) -> dict[str, Side]:
    """Return all rows of a profile by name, such as `srresnet`, `srresnet against jpeg` and `sngan at 1000`.

    The ranked budget goes without saying.
    """
    rows = [(table, row) for table in board.tables if table.profile == profile for row in table.rows]
    named = [(row.label + (f" against {table.defense}" if table.defense else ""), table, row) for table, row in rows]
    return {
        (key := name if table.headline else f"{name} at {table.budget}"): Side(key, row) for name, table, row in named
    }


def find_side(text: str, board: Board, profile: str) -> Side:
    """Return the row of that name, or else the row that the records at a path or a quoted pattern make.

    Raises BoardError where there is neither, with the nearest names.
    """
    known = sides(board, profile)
    for name in (text, _less_ranked_budget(text, board, profile)):
        if name in known:
            return known[name]
    places = [Path(text)] if Path(text).exists() else [Path(found) for found in sorted(glob.glob(text))]
    if places:
        return _own(text, places, board, profile)
    there = sorted({table.profile for table in board.tables})
    hint = nearest(text, known) if known else f"records are there of profile {' and '.join(there) or 'none'}"
    raise BoardError(
        f"{board.card.name!r} has no row {shown(text)!r} at profile {profile!r}, and no records lie there",
        f"{hint}; or give a run folder, a folder of them, or a quoted pattern",
    )


def _less_ranked_budget(text: str, board: Board, profile: str) -> str:
    scale = board.task.profile.get(profile)
    return re.sub(rf" at {scale.ranked_budget}$", "", text) if scale is not None else text


def _own(text: str, places: Iterable[Path], board: Board, profile: str) -> Side:
    """Make one row of what lies there of the board's task and profile."""
    files = {file.resolve(): file for place in places for file in record_files(place)}
    read = [(file, read_record(file)) for file in files.values()]
    runs = sorted((each for each in read if not _stray(each[1], board, profile)), key=lambda each: each[1].plan.seed)
    where = f"records at {shown(text)}"
    if not runs:
        why = next((_stray(run, board, profile) for _, run in read), "there is none")
        raise BoardError(f"no {where} can be compared: {why}", "name another --profile, or the board of their task")
    for file, run in runs:
        if run.status != "ok":
            raise BoardError(f"the run {shown(str(file.parent))} failed: {shown(run.reason)}", "run it again")
    names = sorted({_own_name(run) for _, run in runs})
    seeds = [run.plan.seed for _, run in runs]
    if len(names) > 1 or len(set(seeds)) < len(seeds):
        more = f"make {len(names)} rows: {shown('; '.join(names))}" if len(names) > 1 else f"have the seeds {seeds}"
        raise BoardError(f"the {where} {more}", "give the runs of one attack, defense and budget, one a seed")
    row = Row(attack_label(runs[0][1].plan), tuple(run for _, run in runs))
    return Side(f"{names[0]} ({text})", row, {run.plan.seed: file.parent for file, run in runs})


def _own_name(run: RunRecord) -> str:
    _, budget, defense, attack = row_key(run.plan)
    return attack + (f" against {defense}" if defense else "") + f" at {budget}"


def _stray(run: RunRecord, board: Board, profile: str) -> str:
    """Say why a record is not of this board and profile; empty where it is."""
    if not board.card.takes(run.plan.task, run.plan.profile.name, run.plan.victim.name):
        of = f", victim {run.plan.victim.name}" if board.card.victim else ""
        return f"one is of {pinned(run.plan.task)}{of}, and the board takes {board.card.taken}"
    return "" if run.plan.profile.name == profile else f"one is of profile {run.plan.profile.name!r}, not {profile!r}"


def strangers(a: Side, b: Side, metric: str) -> Iterator[str]:
    """Yield in what two rows differ that must be alike for their numbers to be compared."""
    one, other = a.first, b.first
    facts = {
        "victim": (one.provenance.victim_weights, other.provenance.victim_weights),
        "data set": (one.provenance.dataset, other.provenance.dataset),
        f"recipe of {metric}": (_recipe(a, metric), _recipe(b, metric)),
    }
    yield from (what for what, (left, right) in facts.items() if left != right)


def _recipe(side: Side, metric: str) -> dict[str, Any] | None:
    """Return the passport of a metric; None where no record has it."""
    return next((bare(found[metric]) for run in side.row.records if metric in (found := passports(run))), None)
