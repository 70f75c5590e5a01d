"""Where a missing file of a data set may be: one level up or down, in an archive, under another ending."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gexbench.engine.store.zip_member import open_zip
from gexbench.errors import DataMissing
from gexbench.foreign_text import escaped

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".7z", ".rar", ".zip.part", ".zip.crdownload", ".part")
_MOST = 1000
"""Folders that are looked into."""


def look_around(root: Path, name: str) -> str:
    """Return in a sentence what lies where a missing file is looked for, "" where nothing of it is there.

    root: the folder of data sets. name: a file below it, or a pattern with `*`.
    """
    return next((told for told in _looks(root, name) if told), "")


def _looks(root: Path, name: str) -> Iterator[str]:
    yield _other_case(root, name)
    yield _other_level(root, name)
    for folder in list(PurePosixPath(name).parents)[:-1]:
        yield _archive(root, folder)
        yield _zip(root, folder, name)
    yield _other_files(root, PurePosixPath(name))


def _other_case(root: Path, name: str) -> str:
    """Find a file whose path differs in upper and lower case alone; of a pattern the folder."""
    parts = name.split("/")
    found = root
    for part in parts[:-1] if "*" in parts[-1] else parts:
        same = [entry for entry in _listed(found) if entry.lower().removesuffix(".zip") == part.lower()]
        if not same:
            if found.suffix == ".zip":
                break
            return ""
        found = found / next((entry for entry in same if entry in (part, f"{part}.zip")), same[0])
    there = found.relative_to(root).as_posix()
    return (
        ""
        if name.startswith(there.removesuffix(".zip"))
        else f"{escaped(there)} is there: rename it to the case of the card"
    )


def _other_level(root: Path, name: str) -> str:
    first, _, rest = name.partition("/")
    if rest and _is_there(root, rest) and not (root / first).exists():
        return f"{escaped(rest)} lies in {root} itself: name a folder {first} around it"
    for entry in _listed(root)[:_MOST]:
        if _is_there(root / entry, name):
            return f"it lies in {root / entry}: set GEXBENCH_DATA to that"
    return ""


def _archive(root: Path, folder: PurePosixPath) -> str:
    for ending in _ARCHIVES:
        if (root / f"{folder}{ending}").is_file():
            done = "unpack it" if "part" not in ending and "crd" not in ending else "its download did not end"
            return f"{folder}{ending} is there: {done}"
    return ""


def _zip(root: Path, folder: PurePosixPath, name: str) -> str:
    """Find the file elsewhere in the zip of its folder."""
    path = root / f"{folder}.zip"
    try:
        members = open_zip(path).namelist() if path.is_file() else []
    except DataMissing:
        return ""
    files = [member.replace("\\", "/") for member in members if not member.endswith("/")]
    if not files:
        return ""
    wanted = _pattern(name.rpartition("/")[2])
    alike = next((member for member in files if wanted.fullmatch(member.rpartition("/")[2])), None)
    held, lacking = escaped(alike or files[0]), escaped(name.removeprefix(f"{folder}/"))
    return f"the zip holds {held}, not {lacking} ({folder}.zip): pack it as the card says"


def _other_files(root: Path, name: PurePosixPath) -> str:
    """Say what is in the folder a file is missing from."""
    folder = next((root / parent for parent in name.parents if (root / parent).is_dir()), root)
    if folder == root and len(name.parts) > 2:
        return ""
    files = [entry for entry in _listed(folder) if not entry.startswith(".")]
    counts = Counter(PurePosixPath(entry).suffix or "folders and files without an ending" for entry in files)
    told = ", ".join(f"{count} {escaped(ending)}" for ending, count in counts.most_common(3))
    place = folder.relative_to(root).as_posix()
    if folder == root:
        return ""
    return f"{place} holds {told}" if told else f"{place} is empty"


def _is_there(root: Path, name: str) -> bool:
    if "*" not in name:
        return (root / name).is_file() or any(
            (root / f"{parent}.zip").is_file() for parent in PurePosixPath(name).parents
        )
    fixed = PurePosixPath(name.split("*")[0] + "_").parent
    return fixed.name != "" and ((root / fixed).is_dir() or (root / f"{fixed}.zip").is_file())


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(r"\*", ".*"), re.IGNORECASE)


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
