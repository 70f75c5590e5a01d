"""The account of what a victim behind an address was asked: every answer is kept before anything is done with it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gexbench.cards.endpoint import Endpoint
from gexbench.engine.service.ledger import CALLS, writing
from gexbench.record import Bill


class Calls:
    """Answers by question, in the run's ledger; who was killed and starts again asks for none of them.

    path: of the ledger; None keeps nothing beyond this process. Raises OutputError where it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path or Path(":memory:")
        with writing(self._path):
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=60.0)
            if path is not None:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(CALLS)

    def answer(self, digest: bytes) -> bytes | None:
        """Return the answer to a question that was asked before, None where there is none."""
        row = self._db.execute("SELECT answer FROM call WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else row[0]

    def sent(self) -> None:
        """Count a try, before it is made: who is killed then may have paid for it."""
        self._count("sent")

    def keep(self, digest: bytes, answer: bytes) -> None:
        """Keep the answer to a question."""
        with writing(self._path):
            self._db.execute("INSERT OR REPLACE INTO call VALUES (?, ?)", (digest, answer))

    def watched(self) -> None:
        """Count an answer that was asked for to see whether it is still the same."""
        self._count("watched")

    def bill(self, endpoint: Endpoint) -> Bill:
        """Return what was paid for so far, over all sessions."""
        tally = {what: int(n) for what, n in self._db.execute("SELECT what, n FROM tally")}
        kept = int(self._db.execute("SELECT COUNT(*) FROM call").fetchone()[0])
        watched = tally.get("watched", 0)
        calls = kept + watched
        paid = round(calls * endpoint.price, 6)
        return Bill(
            calls=calls, watched=watched, tries=max(calls, tally.get("sent", 0)), price=endpoint.price, paid_usd=paid
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _count(self, what: str) -> None:
        with writing(self._path):
            self._db.execute("INSERT INTO tally VALUES (?, 1) ON CONFLICT (what) DO UPDATE SET n = n + 1", (what,))
