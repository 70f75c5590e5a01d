"""Rows of features on disk, one SQLite file an extractor, known by the content of the image."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gexbench.errors import GexbenchError, OutputError

_FIT = 500


class FeatureCache:
    """Rows by key. Several processes may share a file; rows are there for good once `put` has returned.

    path: the file, made where it is missing in a folder that is there; None keeps the rows in a temporary file that
    goes with the object.
    """

    def __init__(self, path: Path | None, width: int) -> None:
        self.path, self._width = path, width
        with self._told():
            self._base = sqlite3.connect("" if path is None else path, timeout=60.0, isolation_level=None)
            self._base.execute("PRAGMA page_size = 16384")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.execute("CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, row BLOB NOT NULL)")
            self._base.execute("CREATE TABLE IF NOT EXISTS facts (key BLOB PRIMARY KEY, told TEXT NOT NULL)")

    def missing(self, keys: Iterable[bytes]) -> set[bytes]:
        """Return the keys that have no row."""
        wanted = set(keys)
        return wanted - set(self._known(sorted(wanted)))

    def _known(self, keys: Sequence[bytes]) -> Iterator[bytes]:
        yield from (key for (key,) in self._found("key FROM features", f"AND length(row) = {4 * self._width}", keys))

    def _found(self, what: str, also: str, keys: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        with self._told():
            for start in range(0, len(keys), _FIT):
                part = keys[start : start + _FIT]
                marks = ",".join("?" * len(part))
                yield from self._base.execute(f"SELECT {what} WHERE key IN ({marks}) {also}", part)

    def facts(self, keys: Iterable[bytes]) -> dict[bytes, str]:
        """Return what `tell` has kept beside rows."""
        return dict(self._found("key, told FROM facts", "", sorted(set(keys))))

    def tell(self, facts: Mapping[bytes, str]) -> None:
        """Keep a text beside each of these rows."""
        with self._told():
            self._base.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def put(self, keys: Sequence[bytes], rows: Tensor) -> None:
        """Keep rows (N,width) float32, all of them or none."""
        if tuple(rows.shape) != (len(keys), self._width) or rows.dtype != torch.float32:
            raise ValueError(f"{len(keys)} images have features {rows.dtype} {tuple(rows.shape)}")
        packed = [(key, row.tobytes()) for key, row in zip(keys, rows.numpy().astype("<f4"), strict=True)]
        with self._told():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                self._base.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", packed)
                self._base.execute("COMMIT")
            except BaseException:
                # On a full disk SQLite has rolled back by itself; asking again would hide the reason.
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise

    def rows(self, keys: Sequence[bytes]) -> Tensor:
        """Return the rows of keys that are there, (N,width) float32."""
        found = np.empty((len(keys), self._width), dtype="<f4")
        with self._told():
            for place, key in enumerate(keys):
                (row,) = self._base.execute("SELECT row FROM features WHERE key = ?", (key,)).fetchone()
                found[place] = np.frombuffer(row, dtype="<f4")
        return torch.from_numpy(found)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            hint = "free some space or wait for the other process; --no-cache keeps rows in a temporary file"
            raise OutputError(f"cannot use the feature cache {self.path}: {error}", hint) from error
        except sqlite3.DatabaseError as error:
            raise GexbenchError(f"the feature cache {self.path} is damaged: {error}", f"delete {self.path}") from error
