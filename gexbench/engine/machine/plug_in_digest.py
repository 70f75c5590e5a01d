"""The digest of a plug-in: every file of its folder that an attack or defense can read, whatever it is called."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gexbench.errors import CardError

VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
MOST_FILES, MOST_BYTES = 10_000, 1 << 30
HASHED = "every file of a plug-in is hashed before a run: make it readable, or take it out"


def plug_in_files(folder: Path, without: Iterable[Path] = ()) -> list[Path]:
    """Return the files of a plug-in, sorted; links to folders inside among them, which are not entered.

    folder: also a single file, an installed module's. without: files and folders that are not the plug-in's code: its
    card, which the plan holds, and runs. Compiled Python and folders of version control are left out too. Raises
    CardError for a link that leads out of the folder, for what is neither file nor folder, and for a folder of more
    than MOST_FILES or MOST_BYTES.
    """
    if folder.is_file():
        return [folder]
    root, found, size = folder.resolve(), list[Path](), 0
    skipped = {path.resolve() for path in without}
    try:
        for path in _below(root, skipped):
            found.append(_checked(path, root))
            size += path.stat().st_size if path.is_file() else 0
            if len(found) > MOST_FILES or size > MOST_BYTES:
                most = f"{MOST_FILES:,} files" if len(found) > MOST_FILES else f"{MOST_BYTES >> 30} GiB"
                raise CardError(
                    f"the plug-in's folder {folder} holds more than {most}",
                    "leave in it nothing but the code and what that reads: every file is hashed before a run",
                )
    except OSError as error:
        raise CardError(f"cannot read {error.filename}: {error.strerror}", HASHED) from None
    return sorted(found)


def plug_in_digest(folder: Path, files: Sequence[Path]) -> str:
    """Return the hash of the names and contents of a plug-in's files, 16 hex digits; files: as `plug_in_files` gave."""
    root = folder.parent if folder.is_file() else folder.resolve()
    total = hashlib.sha256()
    for path in files:
        total.update(os.fsencode(path.relative_to(root)) + b"\0" + _content(path, root))
    return total.hexdigest()[:16]


def _below(root: Path, skipped: set[Path]) -> Iterator[Path]:
    """Yield what lies below a folder, less folders, which are entered, and what is left out."""
    folders = [root]
    while folders:
        for path in folders.pop().iterdir():
            if path in skipped or not _counts(path):
                continue
            if path.is_dir() and not path.is_symlink():
                folders.append(path)
            else:
                yield path


def _counts(path: Path) -> bool:
    """Say whether a file or folder is anything else than what Python or version control makes."""
    return path.name not in VERSION_CONTROL and not (path.parent.name == "__pycache__" and path.suffix == ".pyc")


def _checked(path: Path, root: Path) -> Path:
    """Return a path; raises CardError where a link leads out of what is counted, or to what is no file or folder."""
    target = Path(os.path.realpath(path))
    inside = target.is_relative_to(root) and not VERSION_CONTROL.intersection(target.relative_to(root).parts)
    if path.is_symlink() and not inside:
        raise CardError(
            f"{path} leads out of the plug-in's folder, to {target}",
            "put a copy in its place: a run's id covers all that an attack or defense reads of its own",
        )
    if not (path.is_file() or path.is_dir()):
        raise CardError(f"{path} is neither a file nor a folder", "take it out of the plug-in's folder")
    return path


def _content(path: Path, root: Path) -> bytes:
    if path.is_dir():
        return b"link to " + os.fsencode(Path(os.path.realpath(path)).relative_to(root)) + b"\0"
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise CardError(f"cannot read {path}: {error.strerror}", HASHED) from None
