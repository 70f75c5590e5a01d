"""The digest of a plug-in: every file of its folder that an attack or defense can read, whatever it is called."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gexbench.cards.schema import BundledFile
from gexbench.errors import CardError

VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
MOST_FILES, MOST_BYTES = 10_000, 1 << 30
LARGE = 1 << 20
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


def refuse_unnamed(folder: Path, files: Sequence[Path], named: Sequence[BundledFile]) -> None:
    """Raise CardError for a plug-in that brings more than code without saying so on its card.

    A file of more than LARGE bytes, or so much content in all, compressed, that it is no code, must be named with size
    and hash: what was learned elsewhere is no secret. files: as `plug_in_files` gave. A name that no file answers to is
    refused too.
    """
    root = folder.parent if folder.is_file() else folder.resolve()
    cards, content = {(root / each.file): each for each in named}, dict[Path, int]()
    for path, card in cards.items():
        if path not in files or (path.stat().st_size, _sha256(path)) != (card.size, card.sha256):
            raise CardError(
                f"{card.file} on the card is not the file in {folder}", f"name it so: {_as_named(path, root)}"
            )
    for path in (path for path in files if path.is_file() and path not in cards):
        if path.stat().st_size > LARGE:
            raise CardError(f"{path} takes more than {LARGE >> 20} MiB and is not on the card", _hint(path, root))
        content[path] = len(zlib.compress(path.read_bytes(), 1))
        if sum(content.values()) > LARGE:
            most = max(content, key=lambda each: content[each])
            told = (
                f"the plug-in's folder {folder} holds more than {LARGE >> 20} MiB, compressed, that is not on the card"
            )
            raise CardError(told, _hint(most, root))


def _hint(path: Path, root: Path) -> str:
    return f"take out what is not needed, or name it there: files = [{_as_named(path, root)}]"


def _as_named(path: Path, root: Path) -> str:
    if not path.is_file():
        return "nothing, it is not there"
    size, sha256 = path.stat().st_size, _sha256(path)
    return f'{{ file = "{path.relative_to(root).as_posix()}", size = {size}, sha256 = "{sha256}" }}'


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
