"""The losses of a training, kept in a file while it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


class LossLog:
    """A file of JSON lines beside a checkpoint: `{"step": 40, "loss": 0.25}`, in the order of the steps.

    A line each time losses are logged; "step" counts the steps done.
    """

    def __init__(self, file: Path, done: int) -> None:
        """Open the log of a training that goes on after `done` steps; what it says of later ones is dropped."""
        self._file, found = file, file.read_bytes() if file.is_file() else b""
        kept = b"".join(line for line in found.splitlines(keepends=True) if _step(line) <= done)
        if kept != found:
            part = file.with_suffix(".part")
            part.write_bytes(kept)
            os.replace(part, file)

    def add(self, done: int, losses: Mapping[str, float]) -> None:
        """Write the losses after `done` steps; raises ValueError for a loss named "step"."""
        if "step" in losses:
            raise ValueError("a loss cannot be named 'step': that is the number of the line")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": done, **losses}, allow_nan=False) + "\n")


def _step(line: bytes) -> float:
    """Return the step of a whole line, and infinity for one that was torn."""
    try:
        return int(json.loads(line)["step"]) if line.endswith(b"\n") else float("inf")
    except (ValueError, KeyError, TypeError):
        return float("inf")
