"""The losses that trainings left, read with care, and as TensorBoard event files."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gexbench.errors import GexbenchError
from gexbench.files import atomic_write

ENDING = ".losses.jsonl"
MOST_BYTES = 2**20
MOST_LINE = 4096
MOST_FILES = 64
MOST_STEPS = 2**53
_TRAINING = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_LOSS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,59}")
_EVENTS = "events.out.tfevents.losses"


class StepLosses(NamedTuple):
    """Losses by name after a number of steps."""

    step: int
    losses: dict[str, float]


@dataclass(frozen=True)
class Curves:
    """The losses of one training: its name and its steps in the order of their steps."""

    name: str
    steps: tuple[StepLosses, ...]


def read_folder(folder: Path) -> list[Curves]:
    """Read the losses of a run, or of a folder in which something trained.

    The files may come from an attack: links are not followed, and sizes, names and numbers are checked. A last line
    without an end was torn by a kill and is left out. Raises GexbenchError naming the file and the line it refuses.
    """
    older = (folder / name for name in ("attacker", "contender"))  # what runs kept the attack's files in before
    inner = [*sorted(folder.glob(f"attacker/{'[0-9a-f]' * 32}")), *older]
    place = next((path for path in inner if path.is_dir() and not path.is_symlink()), folder)
    try:
        names = [entry.name for entry in os.scandir(place) if entry.name.endswith(ENDING)]
    except OSError as error:
        raise GexbenchError(f"cannot read {folder}: {error.strerror}", "give a run folder") from None
    if not names:
        raise GexbenchError(f"{folder} holds no losses", f"a training leaves <name>{ENDING} beside its checkpoint")
    if len(names) > MOST_FILES:
        raise GexbenchError(f"{folder} holds {len(names)} files of losses; {MOST_FILES} at most are read")
    return [_read(place / name) for name in sorted(names)]


def write_events(curves: Curves, folder: Path) -> Path:
    """Write a training's losses as a TensorBoard event file in `folder` and return its path.

    What an earlier call wrote there is replaced. Raises GexbenchError where tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise GexbenchError(
            "event files need the package tensorboard, which is not installed", 'pip install "gexbench[tensorboard]"'
        ) from None
    with tempfile.TemporaryDirectory() as scratch:
        with SummaryWriter(scratch) as writer:
            for each in curves.steps:
                for key, value in each.losses.items():
                    writer.add_scalar(key, value, each.step)
        (made,) = Path(scratch).iterdir()
        path = folder / _EVENTS
        atomic_write(path, made.read_bytes())
    return path


def _read(path: Path) -> Curves:
    name = path.name.removesuffix(ENDING)
    if not _TRAINING.fullmatch(name):
        raise _refusal(path, "its name is not letters, digits, '_', '.' and '-', 60 at most")
    *lines, _torn = _content(path).split(b"\n")
    steps: list[StepLosses] = []
    for number, line in enumerate(lines, 1):
        try:
            steps.append(_tick(line, steps[-1].step if steps else -1))
        except ValueError as error:
            raise _refusal(path, f"line {number}: {error}") from None
    return Curves(name, tuple(steps))


def _content(path: Path) -> bytes:
    """Return a plain file's bytes; what is no plain file is neither followed nor waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _refusal(path, "it is a link" if path.is_symlink() else str(error.strerror)) from None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refusal(path, "it is no plain file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _refusal(path, f"it has more than {MOST_BYTES} bytes")
    return content


def _tick(line: bytes, before: int) -> StepLosses:
    """Return a line's losses; raises ValueError saying what is wrong with it."""
    found = _parsed(line)
    step = found.pop("step", None)
    if type(step) is not int or not before < step < MOST_STEPS:
        raise ValueError("its step is not a whole number above the one before")
    for key, value in found.items():
        if not _LOSS.fullmatch(key):
            raise ValueError("a loss's name is not letters, digits, blanks, '_', '.' and '-', 60 at most")
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError(f"{key} is not a finite number")
    return StepLosses(step, {key: float(value) for key, value in found.items()})


def _parsed(line: bytes) -> dict[str, Any]:
    if len(line) > MOST_LINE:
        raise ValueError(f"it has more than {MOST_LINE} bytes")
    try:
        found = json.loads(line, parse_int=_whole)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def _whole(digits: str) -> int | float:
    """Return a whole number, as infinity where it has more digits than any step or loss."""
    return int(digits) if len(digits) <= 20 else math.inf


def _refusal(path: Path, why: str) -> GexbenchError:
    return GexbenchError(f"the losses in {ascii(str(path))[1:-1]} are refused: {why}", "delete the file, and run again")
