"""A folder of data sets, some of whose folders may be zips of the same name."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gexbench.engine.store.file_lists import matching
from gexbench.engine.store.zip_member import open_zip, read_member, refuse_large
from gexbench.errors import DataMissing
from gexbench.file_kinds import what_is
from gexbench.foreign_text import escaped


@dataclass(frozen=True)
class File:
    """A file of a data set, on its own or inside a zip.

    name: as the card lists it. path: the file on the disk, or the zip that holds it; None for an image that is drawn.
    sha256: of the content when it was found; of the name where there is none.
    """

    name: str
    path: Path | None
    sha256: str
    archive: zipfile.ZipFile | None = field(default=None, compare=False, repr=False)
    member: zipfile.ZipInfo | None = field(default=None, compare=False, repr=False)

    def read(self) -> bytes:
        """Return the content; raises DataMissing when it can no longer be read."""
        if self.path is None:
            return self.name.encode()
        if self.archive is None or self.member is None:
            return _content(self.name, self.path)
        return read_member(self.archive, self.member, f"{self.name} from {self.path}")

    @classmethod
    def drawn(cls, name: str) -> File:
        """Return what stands for an image that is drawn from its name."""
        return cls(name, None, hashlib.sha256(name.encode()).hexdigest())


@dataclass(frozen=True)
class _Archive:
    """An open zip; members: by name as a path from its top, None for a name that stands there twice."""

    zip: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo | None]

    @classmethod
    def of(cls, path: Path) -> _Archive:
        opened, members = open_zip(path), dict[str, zipfile.ZipInfo | None]()
        for item in opened.infolist():
            name = item.filename.replace("\\", "/").removeprefix("./")
            if not item.is_dir() and not name.endswith("/"):
                members[name] = None if name in members else item
        return cls(opened, members)


class _Shelf(NamedTuple):
    """Where files of one folder lie: in folders on the disk, and in zips, below a path in them."""

    folders: list[Path]
    zips: list[tuple[Path, _Archive, str]]


class DataFolder:
    """Find files below one folder by name; a zip is opened once and stays open as long as its files are held.

    `pool/1.jpg` is the file of that name, else the member `1.jpg` of `pool.zip`. Where neither is, it is the same of a
    folder `pool` inside of `pool` or of the zip, as sets are packed: `pool/pool/1.jpg`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._archives: dict[Path, _Archive | DataMissing | None] = {}
        self._shelves: dict[str, tuple[_Shelf, _Shelf]] = {}

    def find(self, name: str) -> File | None:
        """Return a file with the hash of its content, or None where there is none; raises DataMissing if unreadable.

        A file that was unpacked in part, next to the zip that holds all of it, is unreadable.
        """
        parent, _, last = name.rpartition("/")
        for shelf in self._shelf(parent):
            for folder in shelf.folders:
                if _is_no_folder(folder / last):
                    return self._whole(name, folder / last)
            for path, archive, below in shelf.zips:
                if below + last in archive.members:
                    return _packed(name, path, archive, below + last)
        return None

    def names(self, pattern: str) -> list[str]:
        """Return the names of files a pattern with `*` means, sorted: those in a folder and those in a zip."""
        return next((found for each in self._candidates(pattern) if (found := matching(pattern, each))), [])

    def but_for_case(self, pattern: str) -> list[str]:
        """Return the names of files that a pattern would mean if upper case were lower case, less those it means."""
        for found in self._candidates(pattern):
            means = set(matching(pattern.lower(), {name.lower() for name in found}))
            if means:
                return sorted(name for name in found - set(matching(pattern, found)) if name.lower() in means)
        return []

    def _candidates(self, pattern: str) -> Iterator[set[str]]:
        """Yield the names of all files in the folders a pattern may mean: where they should be, and one folder in."""
        fixed = PurePosixPath(pattern.split("*")[0] + "_").parent
        depth = pattern.count("/") - len(fixed.parts)
        for shelf in self._shelf("" if fixed == PurePosixPath(".") else fixed.as_posix()):
            found: set[str] = set()
            for folder in shelf.folders:
                listed = folder.glob("/".join(["*"] * (depth + 1)))
                found |= {(fixed / each.relative_to(folder)).as_posix() for each in listed if _is_no_folder(each)}
            for _, archive, below in shelf.zips:
                names = (name for name in archive.members if name.startswith(below))
                found |= {(fixed / name.removeprefix(below)).as_posix() for name in names}
            yield found

    def _shelf(self, parent: str) -> tuple[_Shelf, _Shelf]:
        """Return where the files of a folder are looked for: at its place, and one folder of its name further in."""
        if parent not in self._shelves:
            parts = parent.split("/") if parent else []
            levels = range(len(parts), 0, -1)
            inner = [self.root.joinpath(*parts[:at], *parts[at - 1 :]) for at in levels]
            plain, nested = _Shelf([self.root / parent], []), _Shelf(inner, [])
            for at in levels:
                path = self.root.joinpath(*parts[: at - 1], f"{parts[at - 1]}.zip")
                if (archive := self._open(path)) is not None:
                    plain.zips.append((path, archive, "".join(f"{part}/" for part in parts[at:])))
                    nested.zips.append((path, archive, "".join(f"{part}/" for part in parts[at - 1 :])))
            here = [_Shelf([each for each in shelf.folders if each.is_dir()], shelf.zips) for shelf in (plain, nested)]
            self._shelves[parent] = here[0], here[1]
        return self._shelves[parent]

    def _whole(self, name: str, path: Path) -> File:
        content = _content(name, path)
        parent, _, last = name.rpartition("/")
        for packed, archive, below in (each for shelf in self._shelf(parent) for each in shelf.zips):
            item = archive.members.get(below + last)
            if item is not None and item.file_size > len(content):
                told = f"{escaped(name)} has {len(content)} bytes, in {escaped(str(packed))} it has {item.file_size}"
                raise DataMissing(f"{told}: unpacked in part", "unpack the zip again, or remove what is unpacked")
        return File(name, path, hashlib.sha256(content).hexdigest())

    def _open(self, path: Path) -> _Archive | None:
        if path not in self._archives:
            try:
                self._archives[path] = _Archive.of(path) if path.is_file() else None
            except DataMissing as error:
                self._archives[path] = error
        held = self._archives[path]
        if isinstance(held, DataMissing):
            raise DataMissing(str(held), held.hint) from held
        return held


def _is_no_folder(path: Path) -> bool:
    """Tell a file, and what stands for one and cannot be read: a link to nowhere, a pipe."""
    return os.path.lexists(path) and not path.is_dir()


def _packed(name: str, path: Path, archive: _Archive, member: str) -> File:
    item = archive.members[member]
    if item is None:
        told = f"{escaped(member)} stands twice in {escaped(str(path))}"
        raise DataMissing(told, "unpack it into a folder, and take one of the two out")
    content = read_member(archive.zip, item, f"{name} from {path}")
    return File(name, path, hashlib.sha256(content).hexdigest(), archive.zip, item)


def _content(name: str, path: Path) -> bytes:
    told, hint = f"cannot read {escaped(name)} from {escaped(str(path))}", "the file is damaged; fetch it again"
    try:
        facts = path.stat()
        if stat.S_ISREG(facts.st_mode):
            refuse_large(name, facts.st_size)
            return path.read_bytes()
        reason = ""
    except OSError as error:
        reason = error.strerror or str(error)
    kind = what_is(path)
    if kind is not None and (kind.group == "stray" or not reason):
        raise DataMissing(f"{told}: it is {kind.told}", kind.way_out or hint)
    raise DataMissing(f"{told}: {reason}", hint)
