"""The durable account of one run: every question paid for, written before its answer leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gexbench.errors import OutputError
from gexbench.record import Account

PAGE = 16384
MOST_REASONS = 100
"""Reasons of refusals that have a row of their own in a session."""
TABLES = """
CREATE TABLE IF NOT EXISTS run (plan TEXT NOT NULL, budget INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS session (id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS evidence (session INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS question (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, session INTEGER NOT NULL, answer BLOB,
    image BLOB, height INTEGER);
CREATE TABLE IF NOT EXISTS batch (
    session INTEGER NOT NULL, answered INTEGER NOT NULL, replayed INTEGER NOT NULL, refused INTEGER NOT NULL, why TEXT);
"""
CALLS = """
CREATE TABLE IF NOT EXISTS call (digest BLOB PRIMARY KEY, answer BLOB);
CREATE TABLE IF NOT EXISTS tally (what TEXT PRIMARY KEY, n INTEGER NOT NULL);
"""
"""Of a victim behind an address, see service.calls."""


@dataclass(frozen=True)
class Answered:
    """One question that was answered: its digest, the 8-bit answer, and, where it is an image, that and its height."""

    digest: bytes
    answer: bytes
    image: bytes | None = None
    height: int | None = None


class Ledger:
    """Count questions in SQLite (WAL, synchronous FULL): what was committed survives kill -9.

    Opening an existing ledger starts a new session; what earlier sessions spent stays spent. `was_shut` says whether
    evidence had begun in one of them: then nothing new may be answered. Raises OutputError when the file cannot be
    written or belongs to another plan.
    """

    def __init__(self, path: Path, plan_id: str, budget: int) -> None:
        self.path, self.budget, self._reasons = path, budget, set[str]()
        with writing(self.path):
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute(f"PRAGMA page_size={PAGE}")  # a larger one than SQLite's own: an answer is some kilobytes
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(TABLES)
            self._add_images()
            self._open(plan_id)

    def _open(self, plan_id: str) -> None:
        row = self._db.execute("SELECT plan, budget FROM run").fetchone()
        if row is None:
            self._db.execute("INSERT INTO run VALUES (?, ?)", (plan_id, self.budget))
        elif row != (plan_id, self.budget):
            raise OutputError(f"the ledger {self.path} belongs to plan {row[0]}, not {plan_id}", "use another folder")
        self.was_shut = self._db.execute("SELECT 1 FROM evidence").fetchone() is not None
        self.session = int(self._db.execute("INSERT INTO session DEFAULT VALUES").lastrowid or 0)

    def _add_images(self) -> None:
        """Let a ledger from before images were kept take them from now on."""
        columns = {row[1] for row in self._db.execute("PRAGMA table_info(question)")}
        for column in ("image BLOB", "height INTEGER"):
            if column.split()[0] not in columns:
                self._db.execute(f"ALTER TABLE question ADD COLUMN {column}")

    def answers(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the recorded answers among the given questions."""
        found: dict[bytes, bytes] = {}
        for digest in dict.fromkeys(digests):
            row = self._db.execute("SELECT answer FROM question WHERE digest = ?", (digest,)).fetchone()
            if row is not None:
                found[digest] = row[0]
        return found

    @property
    def spent(self) -> int:
        """Return how many questions have been paid for in all sessions."""
        return int(self._db.execute("SELECT COUNT(*) FROM question").fetchone()[0])

    def pay(self, questions: Sequence[Answered], replayed: int) -> None:
        """Record new questions with their answers, and how many of the batch were replayed, in one transaction."""
        with writing(self.path), self._transaction():
            self._db.executemany(
                "INSERT INTO question (digest, session, answer, image, height) VALUES (?, ?, ?, ?, ?)",
                [(asked.digest, self.session, asked.answer, asked.image, asked.height) for asked in questions],
            )
            if self.spent > self.budget:
                raise AssertionError("the meter let a batch through that goes over the budget")
            self._note(len(questions), replayed, 0, None)

    def shut(self) -> None:
        """Record that evidence begins: the attack is about to meet test inputs, and no later session answers anew."""
        with writing(self.path):
            self._db.execute("INSERT INTO evidence VALUES (?)", (self.session,))

    def refuse(self, images: int, why: str) -> None:
        """Record that a batch was refused; it costs nothing."""
        if len(self._reasons) < MOST_REASONS:
            self._reasons.add(why[:200])
        known = why[:200] if why[:200] in self._reasons else "for other reasons"
        with writing(self.path), self._transaction():
            self._note(0, 0, images, known)

    def _note(self, answered: int, replayed: int, refused: int, why: str | None) -> None:
        """Add to the session's row of replays, or of refusals for one reason; a batch that was paid has a row."""
        if not answered:
            added = self._db.execute(
                "UPDATE batch SET replayed = replayed + ?, refused = refused + ? "
                "WHERE session = ? AND answered = 0 AND why IS ?",
                (replayed, refused, self.session, why),
            )
            if added.rowcount:
                return
        self._db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", (self.session, answered, replayed, refused, why))

    def _transaction(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def account(self) -> Account:
        """Return the totals over all sessions."""
        answered, replayed, refused = self._db.execute(
            "SELECT TOTAL(answered), TOTAL(replayed), TOTAL(refused) FROM batch"
        ).fetchone()
        return Account(
            budget=self.budget,
            asked=int(answered + replayed + refused),
            answered=int(answered),
            replayed=int(replayed),
            refused=int(refused),
            sessions=int(self._db.execute("SELECT COUNT(*) FROM session").fetchone()[0]),
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def is_shut(path: Path) -> bool:
    """Say whether evidence had begun in a session of the ledger at `path`; False where there is none."""
    if not path.is_file():
        return False
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        return "evidence" in tables and db.execute("SELECT 1 FROM evidence").fetchone() is not None


def transfer_set(path: Path) -> list[bytes]:
    """Return all answers that the ledger at `path` holds, in the order they were paid for; opens no session.

    They are there until the run has its record, see `drop_answers`.
    """
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return [row[0] for row in db.execute("SELECT answer FROM question ORDER BY id")]


def images_asked(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the pixels and the height of every image that the ledger at `path` was paid for; opens no session.

    They are there until the run has its record, see `drop_answers`.
    """
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        yield from db.execute("SELECT image, height FROM question WHERE image IS NOT NULL ORDER BY id")


def drop_answers(path: Path) -> None:
    """Drop answers and images from the ledger at `path` and fold its write-ahead log in; what was paid for stays.

    For a run that has its record: a run that goes on needs them. Raises OutputError when the file cannot be written.
    """
    with writing(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE question SET answer = NULL, image = NULL")
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'call'").fetchone():
            db.execute("UPDATE call SET answer = NULL")
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure of SQLite into an OutputError that names the file and the reason."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OutputError(f"cannot write the ledger {path}: {error}", "check space and permissions") from None
