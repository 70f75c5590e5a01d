"""The folder of a board: its accepted records, those that were retired, the list of verified ones, and its pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from gexbench.boards.accept import newcomer_objections, objections, pinned
from gexbench.boards.agree import Agreement, Entry
from gexbench.boards.ideals import with_ideals
from gexbench.boards.incoming import incoming
from gexbench.boards.label import record_place
from gexbench.boards.retired import Retired, read_retired
from gexbench.boards.verified import verified_seals
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog, Filed
from gexbench.cards.schema import TaskCard
from gexbench.errors import BoardError, nearest
from gexbench.files import atomic_write
from gexbench.foreign_text import shown
from gexbench.record import RunRecord, read_record, record_file

RULES = "docs/reading-a-board.md says what a board takes"


@dataclass(frozen=True)
class BoardFolder:
    """`leaderboards/<board>`: records/*.json, retired/*, verified.txt, README.md and <board>.csv."""

    card: BoardCard
    folder: Path

    @property
    def root(self) -> Path:
        """Return the folder that all boards lie in."""
        return self.folder.parents[self.card.name.count("/")]

    def read(self, catalog: Catalog) -> Agreement:
        """Return the accepted records by file name; raises BoardError when one does not belong, naming it and why.

        Whatever keeps a record from being added keeps it from being read, since a file can be put here by hand.
        """
        agreed, gone = Agreement(versions=True), {each.record.seal: each for each in self.retired()}
        for path in self._files():
            entry = Entry(path, read_record(path))
            twice = [f"it is a copy of {other.name}" for other in agreed.copies(entry.record)]
            twice += [_told_retired(gone[entry.record.seal])] if entry.record.seal in gone else []
            newcomer = () if self.card.frozen else newcomer_objections(entry.record, catalog, accepted=True)
            reasons = chain(objections(entry.record, self.card), newcomer, twice)
            why = next(reasons, None) or agreed.conflict(entry)
            if why:
                raise BoardError(f"{path} cannot stand on the board {self.card.name!r}: {shown(why)}", RULES)
            agreed.take(Entry(path, with_ideals(entry.record, catalog)))
        self._refuse_thawed(agreed, gone)
        return agreed

    def retired(self) -> tuple[Retired, ...]:
        """Return the records that were accepted once and do not stand any more; raises as `read_retired`."""
        return read_retired(self.folder, self._files())

    def _files(self) -> list[Path]:
        return sorted((self.folder / "records").glob("*.json"))

    def _refuse_thawed(self, agreed: Agreement, gone: Iterable[str]) -> None:
        """Raise BoardError where a frozen board holds others than the records that its card names by their digest."""
        found = digest_of([*(entry.record.seal for entry in agreed.entries), *gone])
        if self.card.frozen not in (None, found):
            raise BoardError(
                f"the board {self.card.name!r} is frozen with the records of digest {self.card.frozen}, and those in "
                f"{self.folder} have {found}",
                "put back what was there; only a card of its own says what a frozen board holds",
            )

    def verified(self) -> frozenset[str]:
        """Return the seals of the records that a maintainer ran again and signed for."""
        return verified_seals(self.folder, self.root)

    def place(self, record: RunRecord) -> Path:
        """Return where a record goes."""
        return self.folder / record_place(record)


@dataclass(frozen=True)
class Added:
    """What `add` did: the records that were written, those that had been there, and, a line each, what is none."""

    written: tuple[Path, ...]
    already: tuple[Path, ...]
    skipped: tuple[str, ...] = ()


def captured(board: Filed[BoardCard], catalog: Catalog) -> str:
    """Say that a board is of a task that comes from elsewhere; empty when it is of its own root's."""
    name = board.card.of
    task = catalog.all(TaskCard).get(name)
    home = task.root if task is not None else None
    if (board.root.outside and "/" not in name) or (home is not None and home.path != board.root.path):
        return (
            f"{board.path}: the task {board.card.task} is not this root's, and so the board {board.card.name!r} is none"
        )
    return ""


def folder_of(record: RunRecord, root: Path, catalog: Catalog) -> BoardFolder:
    """Return the folder that takes records of the record's task; raises BoardError when there is none."""
    plan, filed = record.plan, catalog.all(BoardCard).values()
    cards = [each.card for each in filed if not captured(each, catalog)]
    for card in sorted(cards, key=lambda card: card.victim is None):  # a board for one victim comes first
        if card.takes(plan.task, plan.profile.name, plan.victim.name):
            return BoardFolder(card, root / card.name)
    task = pinned(plan.task)
    raise BoardError(f"no board takes records of {task}", nearest(task, [card.task for card in cards]))


def add(runs: Sequence[Path], root: Path, catalog: Catalog) -> Added:
    """Copy records to their boards below `root`.

    runs: run folders, record files, or patterns; what of them is no record is skipped, see `incoming`. One that lies on
    its board already is left there. Raises BoardError naming every refused record and why; nothing is written then.
    """
    intake, found = Intake(root, catalog), incoming(runs)
    for run in found.records:
        intake.take(run)
    if intake.refused:
        count = len(found.records)
        head = f"{len(intake.refused)} of {count} records refused, nothing was added:\n  " if count > 1 else ""
        raise BoardError(head + "\n  ".join(intake.refused), RULES)
    for path, file in intake.coming.items():
        atomic_write(path, file.read_bytes())  # as it is: its seal is of the keys that its file has
    return Added(tuple(intake.coming), tuple(intake.already), found.skipped)


@dataclass
class Intake:
    """Where records are looked at one after the other, each beside those before it."""

    root: Path
    catalog: Catalog
    coming: dict[Path, Path] = field(default_factory=dict)
    already: list[Path] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _boards: dict[str, Agreement] = field(default_factory=dict)
    _gone: dict[str, Retired] = field(default_factory=dict)

    def take(self, run: Path) -> None:
        """Sort one record in; raises BoardError only for what is wrong with the board itself."""
        try:
            file = record_file(run)
            record = read_record(file)
            folder = folder_of(record, self.root, self.catalog)
        except BoardError as error:
            self.refused.append(str(error))
            return
        if folder.card.name not in self._boards:
            self._boards[folder.card.name] = folder.read(self.catalog)
            self._gone |= {each.record.seal: each for each in folder.retired()}
        agreed = self._boards[folder.card.name]
        copies = agreed.copies(record)
        if copies:
            self.already += [path for path in copies if path not in self.coming]
            return
        gone = [_told_retired(self._gone[record.seal])] if record.seal in self._gone else []
        frozen = [f"the board {folder.card.name!r} is frozen and takes no more records"] if folder.card.frozen else []
        reasons = chain(gone, frozen, objections(record, folder.card), newcomer_objections(record, self.catalog))
        why = next(reasons, None) or agreed.conflict(Entry(run, record))
        if why:
            self.refused.append(f"{run}: {shown(why)}")
            return
        self.coming[folder.place(record)] = file
        agreed.take(Entry(folder.place(record), record))


def digest_of(seals: Iterable[str]) -> str:
    """Return the SHA-256 of records' seals, sorted, a line each."""
    return hashlib.sha256("".join(f"{seal}\n" for seal in sorted(seals)).encode()).hexdigest()


def _told_retired(gone: Retired) -> str:
    return f"it was {gone.note.state} on {gone.note.since}: {gone.note.reason}"


def write_fresh(path: Path, text: str) -> bool:
    """Write a page unless it stands there already; returns whether it was written."""
    if is_fresh(path, text):
        return False
    atomic_write(path, text.encode())
    return True


def is_fresh(path: Path, text: str) -> bool:
    """Return whether a page stands there as it should."""
    return path.is_file() and path.read_bytes() == text.encode()
