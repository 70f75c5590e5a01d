"""Where in a client's stream of questions those of the test stand, and what left for both, kept for the bench."""

from __future__ import annotations

import hashlib
import math
import random
import sqlite3
from bisect import bisect_left, insort
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
from torch import Tensor

from gexbench.engine.service.ledger import writing

KEPT = 64
"""How many of a client's questions are kept at most, for the honest cost on them."""
TABLES = """
CREATE TABLE IF NOT EXISTS test (digest BLOB PRIMARY KEY, answer BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS ahead (digest BLOB PRIMARY KEY, answer BLOB NOT NULL);
DELETE FROM ahead;
CREATE TABLE IF NOT EXISTS queried (number INTEGER PRIMARY KEY, answers BLOB NOT NULL);
"""


class Places:
    """One stream of a client's questions and of the test's, in an order drawn from a key.

    A question of the test stands at a place from 0 to the budget: just before or just after the client's question of
    that number. So the counts that a defense is told run on by one, whoever asks, and say nothing about who does.

    order: the tests by number, as they stand.
    """

    def __init__(self, budget: int, tests: int, key: bytes) -> None:
        chance = random.Random(key)
        self._places = [chance.random() * budget for _ in range(tests)]
        self.order = sorted(range(tests), key=self._places.__getitem__)
        self._sorted = [self._places[number] for number in self.order]
        self._budget = budget

    def of_client(self, number: int) -> int:
        """Return the count of a client's question by its number."""
        return number + bisect_left(self._sorted, number + 0.5)

    def of_test(self, number: int) -> int:
        """Return the count of a question of the test by its number."""
        place = self._places[number]
        return bisect_left(self._sorted, place) + math.ceil(place - 0.5)

    def of_other(self, number: int) -> int:
        """Return the count of a question beyond all of them."""
        return self._budget + len(self._places) + number

    def due(self, until: int) -> int:
        """Return how many tests, the first in `order`, stand among the client's first `until` questions."""
        return bisect_left(self._sorted, until)


class Sample:
    """Which of a client's questions are kept: KEPT at most, spread over all it asked whenever it stops."""

    def __init__(self, key: bytes, kept: Sequence[int]) -> None:
        self._key = key
        self._ranked: list[tuple[bytes, int]] = sorted((self._rank(number), number) for number in kept)

    def take(self, number: int) -> int | None:
        """Take a question in, or not; returns the number that is out: another, this one, or None."""
        entry = (self._rank(number), number)
        if entry not in self._ranked:
            insort(self._ranked, entry)
        return self._ranked.pop()[1] if len(self._ranked) > KEPT else None

    def _rank(self, number: int) -> bytes:
        return hashlib.blake2b(str(number).encode(), key=self._key[:64]).digest()


class Kept:
    """Answers on disk, beside the ledger, so that they survive the service; raises OutputError.

    What the victim answers ahead is the session's alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")  # what a loss of power takes is asked again
            self._db.executescript(TABLES)

    def tests(self) -> set[bytes]:
        """Return the digests of the tests that were asked."""
        return {row[0] for row in self._db.execute("SELECT digest FROM test")}

    def test(self, digest: bytes) -> Tensor | None:
        """Return what left for a question of the test; None where it was not asked."""
        row = self._db.execute("SELECT answer FROM test WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else safetensors.torch.load(row[0])["left"]

    def keep_test(self, digest: bytes, left: Tensor) -> None:
        """Keep what left for a question of the test."""
        content = safetensors.torch.save({"left": left.contiguous()})
        with writing(self._path):
            self._db.execute("INSERT OR REPLACE INTO test VALUES (?, ?)", (digest, content))

    def keep_ahead(self, digest: bytes, answer: Tensor) -> None:
        """Keep what the victim answers to a question of the test, before a defense sees it."""
        content = safetensors.torch.save({"answer": answer.contiguous()})
        with writing(self._path):
            self._db.execute("INSERT OR REPLACE INTO ahead VALUES (?, ?)", (digest, content))

    def ahead(self, digest: bytes) -> Tensor:
        """Return what the victim answers to a question of the test."""
        row = self._db.execute("SELECT answer FROM ahead WHERE digest = ?", (digest,)).fetchone()
        return safetensors.torch.load(row[0])["answer"]

    def queried(self) -> list[int]:
        """Return the numbers of the client's questions that are kept."""
        return [row[0] for row in self._db.execute("SELECT number FROM queried ORDER BY number")]

    def answers(self, number: int) -> dict[str, Tensor]:
        """Return the plain answer to one of a client's questions, and what left."""
        row = self._db.execute("SELECT answers FROM queried WHERE number = ?", (number,)).fetchone()
        return safetensors.torch.load(row[0])

    def keep_queried(self, number: int, plain: Tensor, left: Tensor) -> None:
        """Keep both answers to one of a client's questions."""
        content = safetensors.torch.save({"plain": plain.contiguous(), "left": left.contiguous()})
        with writing(self._path):
            self._db.execute("INSERT OR REPLACE INTO queried VALUES (?, ?)", (number, content))

    def drop_queried(self, number: int) -> None:
        """Keep one no more."""
        with writing(self._path):
            self._db.execute("DELETE FROM queried WHERE number = ?", (number,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()
