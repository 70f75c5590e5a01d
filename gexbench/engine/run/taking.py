"""Taking over what an attack saved of its surrogate: believed in nothing, and kept as plain as it can be."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from safetensors import SafetensorError, safe_open

from gexbench.engine.attacker.kept import (
    CLASS,
    CONFIG,
    LARGEST_TEXT,
    LARGEST_WEIGHTS,
    WEIGHTS,
    checked_name,
    digest,
    parsed_config,
)
from gexbench.errors import RunFailed, SurrogateError
from gexbench.files import atomic_write, writing

LONGEST_HEADER = 1 << 24
AT_ONCE = 1 << 20


def take(saved: Path, kept: Path) -> str:
    """Copy class, config and weights from one folder to another, which holds nothing else then; returns their digest.

    Call it after the attack's processes are gone. Contents alone come along: no times, no names, no spaces in the JSON.
    Raises RunFailed for anything but plain files of bounded size: a name to import, a JSON object, safetensors without
    metadata.
    """
    with writing(kept):
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
    try:
        _copy_all(saved, kept)
    except SurrogateError as error:
        raise RunFailed(f"the attack left a surrogate that cannot be kept: {error}; {error.hint}") from None
    finally:
        shutil.rmtree(saved, ignore_errors=True)
    return digest(kept)


def _copy_all(saved: Path, kept: Path) -> None:
    if not stat.S_ISDIR(saved.lstat().st_mode if os.path.lexists(saved) else 0):
        raise SurrogateError("there is no folder of it", "leave the work folder's surrogate/ to gexbench")
    name, config = (_read(saved / each, LARGEST_TEXT) for each in (CLASS, CONFIG))
    atomic_write(kept / CLASS, (checked_name(name) + "\n").encode())
    atomic_write(kept / CONFIG, json.dumps(parsed_config(config), allow_nan=False).encode())
    if os.path.lexists(saved / WEIGHTS):
        _copy_weights(saved / WEIGHTS, kept / WEIGHTS)


def _read(path: Path, most: int) -> bytes:
    with _opened(path, most) as file:
        return file.read(most)


def _opened(path: Path, most: int) -> BinaryIO:
    """Open a regular file of at most so many bytes that has one name and is no link; raises SurrogateError."""
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise SurrogateError(f"its {path.name} cannot be read ({error.strerror})", "leave it to gexbench") from None
    facts = os.fstat(file.fileno())
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        told = "is something else than a file"
    elif facts.st_size > most:
        told = f"takes {facts.st_size:,} bytes, at most {most:,} are kept"
    else:
        return file
    file.close()
    raise SurrogateError(f"its {path.name} {told}", "leave it to gexbench")


def _copy_weights(saved: Path, kept: Path) -> None:
    with _opened(saved, LARGEST_WEIGHTS) as file:
        if int.from_bytes(file.read(8), "little") > LONGEST_HEADER:
            raise SurrogateError(f"its {WEIGHTS} is not safetensors", "leave it to gexbench")
        file.seek(0)
        atomic_write(kept, lambda copy: shutil.copyfileobj(file, copy, AT_ONCE))
    try:
        with safe_open(kept, framework="numpy") as tensors:
            plain = not tensors.metadata()
    except (SafetensorError, OSError):
        plain = False
    if not plain:
        kept.unlink()
        raise SurrogateError(f"its {WEIGHTS} is not safetensors, or not plain", "leave it to gexbench")
