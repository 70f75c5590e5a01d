"""Records that no longer stand on their board: withdrawn, or superseded by another. They stay there, marked.

Such a record lies in `retired/` beside `records/`, the very file that was accepted, and beside it a file of the same
name that ends in .toml and says since when it is what, and why. It is in no table, takes no seed and no name, and is
nobody's neighbour. What a maintainer signed of it stays signed: it was run again, and that is all that says.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import StringConstraints, ValidationError, model_validator

from gexbench.cards.fields import Frozen, Line
from gexbench.errors import BoardError
from gexbench.files import atomic_write, read_bounded, writing
from gexbench.foreign_text import shown
from gexbench.record import RunRecord, read_record

RETIRED = "retired"
LARGEST_NOTE = 1 << 16
State = Literal["withdrawn", "superseded"]
STATES: tuple[State, ...] = get_args(State)
NOTE_HINT = 'a note says state = "withdrawn", since and reason, or "superseded" and by = "NAME" of a record too'
Stem = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,250}$")]


class Note(Frozen):
    """Why a record does not stand any more. since: the day. by: the name of the record that stands for it now."""

    state: State
    since: date
    reason: Annotated[Line, StringConstraints(min_length=1, max_length=300)]
    by: Stem | None = None

    @model_validator(mode="after")
    def _is_of_one_mind(self) -> Note:
        if (self.state == "superseded") != (self.by is not None):
            raise ValueError("what is superseded, and nothing else, names a record in `by`")
        return self

    def text(self) -> str:
        """Return it as TOML."""
        lines = [f'state = "{self.state}"', f"since = {self.since}", f"reason = {_quoted(self.reason)}"]
        return "\n".join([*lines, *([f"by = {_quoted(self.by)}"] if self.by else [])]) + "\n"


@dataclass(frozen=True)
class Retired:
    """A record that was accepted once, where it lies, and why it does not stand any more."""

    path: Path
    record: RunRecord
    note: Note

    @property
    def place(self) -> str:
        """Return where it lies in its board's folder."""
        return f"{RETIRED}/{self.path.name}"


def read_retired(board: Path, standing: Iterable[Path]) -> tuple[Retired, ...]:
    """Return a board's retired records by name; raises BoardError for one without a note that is of a record there.

    standing: the files of the records that stand.
    """
    folder = board / RETIRED
    files = sorted(folder.glob("*.json"))
    known = {file.stem for file in (*standing, *files)}
    found = tuple(Retired(file, read_record(file), _note(file.with_suffix(".toml"))) for file in files)
    for each in found:
        if each.note.by is not None and (each.note.by == each.path.stem or each.note.by not in known):
            raise BoardError(f"{each.path} is superseded by {each.note.by}, which is no record here", NOTE_HINT)
    notes = {file.stem for file in folder.glob("*.toml")}
    if left := sorted(notes - {file.stem for file in files}):
        raise BoardError(f"{folder / left[0]}.toml is of no record", "remove it, or put the record beside it")
    return found


def retire(file: Path, state: State, reason: str, by: Path | None, since: date) -> Path:
    """Take an accepted record from among those that stand, and return where it lies now.

    file, by: records of one board. Raises BoardError where they are none, and for a note that is none.
    """
    board = file.absolute().parent.parent
    record = read_record(file)
    if file.parent.name != "records" or (by is not None and by.absolute().parent != file.absolute().parent):
        raise BoardError(f"{file if by is None else by} is no record of the board", "name files of its records/")
    if by is not None:
        read_record(by)
    try:
        note = Note(state=state, since=since, reason=reason, by=by.stem if by else None)
    except ValidationError as error:
        raise BoardError(f"{file}: {_told(error)}", NOTE_HINT) from None
    target = board / RETIRED / file.name
    if target.exists():  # one of the same name went before
        target = target.with_name(f"{file.stem}-{record.seal[:8]}.json")
    atomic_write(target.with_suffix(".toml"), note.text().encode())
    with writing(target):
        file.rename(target)
    return target


def _note(file: Path) -> Note:
    try:
        return Note.model_validate(tomllib.loads(read_bounded(file, LARGEST_NOTE).decode()))
    except OSError as error:
        raise BoardError(f"cannot read {file}: {error.strerror}", NOTE_HINT) from None
    except ValidationError as error:
        raise BoardError(f"{file}: {_told(error)}", NOTE_HINT) from None
    except (ValueError, RecursionError) as error:
        raise BoardError(f"{file} is not valid TOML: {shown(str(error))}", NOTE_HINT) from None


def _told(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{shown('.'.join(map(str, first['loc']))) or 'note'}: {first['msg']}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
