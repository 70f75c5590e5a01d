"""Making a submission of runs: their records, the code that they name, a checklist, and a digest over it all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gexbench.boards.incoming import incoming
from gexbench.cards.catalog import Catalog, Filed
from gexbench.cards.fields import NAME
from gexbench.cards.schema import AttackCard, DefenseCard
from gexbench.errors import GexbenchError, SubmissionError
from gexbench.files import atomic_write, new_folder, read_bounded, writing
from gexbench.foreign_text import shown
from gexbench.plan import RUNS
from gexbench.record import LARGEST_FILE, RunRecord, read_record, record_file
from gexbench.submission.checklist import checklist
from gexbench.submission.examine import examine
from gexbench.submission.layout import CHECKLIST, PLUG_INS, RECORDS, SUMS, Submission, listing, open_submission, sums_of

Plug = Filed[AttackCard] | Filed[DefenseCard]


@dataclass(frozen=True)
class Wanted:
    """runs: as boards take them. handle: who submits. name: None to make one. to: the folder of all submissions."""

    runs: tuple[Path, ...]
    handle: str
    name: str | None
    to: Path
    boards: Path
    registry: tuple[Path, ...] = ()


def submit(wanted: Wanted) -> Submission:
    """Make the submission of runs, checked as whoever gets it will check it; nothing is left of one that is refused.

    Raises SubmissionError for a name that is taken or none, for code that lies nowhere or is not what was run, and for
    records that no board takes.
    """
    files = [record_file(place) for place in incoming(wanted.runs).records]
    records = {file: read_record(file) for file in files}
    plug_ins = _plug_ins(list(records.values()), Catalog.load(wanted.registry))
    name = f"{wanted.handle}/{wanted.name or _usual_name(next(iter(records.values())), plug_ins)}"
    if not re.fullmatch(f"{NAME}/{NAME}", name) or len(name) > 80:
        raise SubmissionError(
            f"{shown(name)!r} is no name of a submission", "small letters, digits and hyphens in --as and --name"
        )
    target = wanted.to / name
    if os.path.lexists(target):
        raise SubmissionError(f"{target} is there already", "give another --name, or remove it")
    made = new_folder(wanted.to)
    try:
        _fill(made / name, name, records, plug_ins)
        brought = {plug.root.path for plug in plug_ins}
        others = [folder for folder in wanted.registry if folder.resolve() not in brought]
        checked = examine(open_submission(made / name), wanted.boards, others)
        with writing(target):
            target.parent.mkdir(exist_ok=True)
            (made / name).rename(target)
    except GexbenchError as error:
        raise type(error)(str(error).replace(str(made), str(wanted.to)), error.hint) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Submission(target, name, checked.submission.sums)


def _plug_ins(records: Sequence[RunRecord], catalog: Catalog) -> list[Plug]:
    """Return the plug-ins that records are of, each folder of code once."""
    found = dict[Path, Plug]()
    for plan in (record.plan for record in records):
        for card in (plan.attack, plan.defense):
            if card is None or "/" not in card.name:
                continue
            filed: Plug | None = catalog.all(type(card)).get(card.name)  # type: ignore[assignment]
            if filed is None:
                raise SubmissionError(f"the code of {card.name!r} is not here", "--registry names its folder")
            if not filed.root.is_submission:
                raise SubmissionError(
                    f"{card.name!r} lies in {filed.root.path}, which is no folder of its own with a card.toml",
                    "lay it out as `gexbench new` does, and run it from there",
                )
            found.setdefault(filed.root.path, filed)
    return list(found.values())


def _usual_name(record: RunRecord, plug_ins: Sequence[Plug]) -> str:
    """Return what a submission is about: what it brings, or else its first attack, and the task."""
    about = plug_ins[0].card.name if plug_ins else record.plan.attack.name
    return f"{_last(about)}-{_last(record.plan.task.name)}"


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _fill(folder: Path, name: str, records: Mapping[Path, RunRecord], plug_ins: Sequence[Plug]) -> None:
    """Write everything that a submission holds."""
    for file, record in records.items():
        place = folder / RECORDS / f"{record.run_name}.json"
        if place.exists():
            raise SubmissionError(f"{file}: another record of the run {record.run_name} is among them", "leave one out")
        atomic_write(place, read_bounded(file, LARGEST_FILE))
    for plug in plug_ins:
        _copy(plug, folder / PLUG_INS / _last(plug.card.name))
    atomic_write(folder / CHECKLIST, checklist(name, list(records.values()), [p.card for p in plug_ins]).encode())
    atomic_write(folder / SUMS, listing(name, sums_of(folder)).encode())


def _copy(plug: Plug, folder: Path) -> None:
    """Copy the card and the code that its digest covers; a link to a file becomes that file."""
    from gexbench.engine.machine.plug_in_digest import plug_in_files

    root = plug.root.path
    if folder.exists():
        raise SubmissionError(f"two plug-ins are called {folder.name}", "make a submission of each")
    for file in (plug.path, *plug_in_files(root, (plug.path, RUNS))):
        if file.is_dir():
            raise SubmissionError(f"{file} is a link to a folder", "put the folder itself in its place, and run again")
        place = folder / file.relative_to(root)
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
