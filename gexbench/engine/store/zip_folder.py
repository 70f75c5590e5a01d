"""A folder of data sets, some of whose folders may be zips of the same name."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gexbench.engine.store.file_lists import matching
from gexbench.engine.store.zip_member import open_zip, read_member, refuse_large
from gexbench.errors import DataMissing, printable
from gexbench.file_kinds import what_is


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


class DataFolder:
    """Find files below one folder by name; a zip is opened once and stays open as long as its files are held.

    `pool/1.jpg` is the file of that name, else the member `1.jpg` of `pool.zip`. Where neither is, it is the same of a
    folder `pool` inside of `pool` or of the zip, as sets are packed: `pool/pool/1.jpg`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._archives: dict[Path, _Archive | DataMissing | None] = {}

    def find(self, name: str) -> File | None:
        """Return a file with the hash of its content, or None where there is none; raises DataMissing if unreadable.

        A file that was unpacked in part, next to the zip that holds all of it, is unreadable.
        """
        for nested in (False, True):
            for place in _plain(name, nested):
                if (self.root / place).is_file() or (self.root / place).is_symlink():
                    return self._whole(name, self.root / place)
            for path, archive, member in self._holders(name, nested):
                if member in archive.members:
                    return _packed(name, path, archive, member)
        return None

    def names(self, pattern: str) -> list[str]:
        """Return the names of files a pattern with `*` means, sorted: those in a folder and those in a zip."""
        return matching(pattern, self._candidates(pattern))

    def but_for_case(self, pattern: str) -> list[str]:
        """Return the names of files that a pattern would mean if upper case were lower case, less those it means."""
        found = set(self._candidates(pattern))
        lowered = {name: name.lower() for name in found}
        means = set(matching(pattern.lower(), lowered.values()))
        return sorted(name for name in found - set(matching(pattern, found)) if lowered[name] in means)

    def _candidates(self, pattern: str) -> set[str]:
        fixed = PurePosixPath(pattern.split("*")[0] + "_").parent
        depth = pattern.count("/") - len(fixed.parts)
        found: set[str] = set()
        for nested in (False, True):
            for place in _plain(f"{fixed}/_", nested):
                folder = (self.root / place).parent
                if folder.is_dir():
                    listed = folder.glob("/".join(["*"] * (depth + 1)))
                    files = (each for each in listed if each.is_file() or (each.is_symlink() and not each.is_dir()))
                    found |= {f"{fixed}/{each.relative_to(folder).as_posix()}" for each in files}
            for path, archive, inside in self._holders(f"{fixed}/_", nested):
                top = path.relative_to(self.root).with_suffix("")
                skipped = f"{top.name}/" if nested else ""
                if inside:
                    names = (name for name in archive.members if name.startswith(skipped))
                    found |= {f"{top.as_posix()}/{name.removeprefix(skipped)}" for name in names}
            if found:
                break
        return found

    def _whole(self, name: str, path: Path) -> File:
        content = _content(name, path)
        for packed, archive, member in [*self._holders(name, False), *self._holders(name, True)]:
            item = archive.members.get(member)
            if item is not None and item.file_size > len(content):
                told = (
                    f"{printable(name)} has {len(content)} bytes, in {printable(str(packed))} it has {item.file_size}"
                )
                raise DataMissing(f"{told}: unpacked in part", "unpack the zip again, or remove what is unpacked")
        return File(name, path, hashlib.sha256(content).hexdigest())

    def _holders(self, name: str, nested: bool) -> Iterator[tuple[Path, _Archive, str]]:
        inner = PurePosixPath(name)
        for folder in list(inner.parents)[:-1]:
            path = self.root / f"{folder}.zip"
            archive = self._open(path)
            if archive is not None:
                inside = inner.relative_to(folder).as_posix()
                yield path, archive, f"{folder.name}/{inside}" if nested else inside

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


def _plain(name: str, nested: bool) -> list[str]:
    """Return where a file may lie unpacked: at its name, or in a folder inside of its folder that is called alike."""
    parts = name.split("/")
    if not nested:
        return [name]
    return ["/".join([*parts[:at], parts[at - 1], *parts[at:]]) for at in range(1, len(parts))]


def _packed(name: str, path: Path, archive: _Archive, member: str) -> File:
    item = archive.members[member]
    if item is None:
        told = f"{printable(member)} stands twice in {printable(str(path))}"
        raise DataMissing(told, "unpack it into a folder, and take one of the two out")
    content = read_member(archive.zip, item, f"{name} from {path}")
    return File(name, path, hashlib.sha256(content).hexdigest(), archive.zip, item)


def _content(name: str, path: Path) -> bytes:
    told, hint = f"cannot read {printable(name)} from {printable(str(path))}", "the file is damaged; fetch it again"
    try:
        refuse_large(name, path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        kind = what_is(path)
        if kind is not None:
            raise DataMissing(f"{told}: it is {kind.told}", kind.way_out or hint) from error
        raise DataMissing(f"{told}: {error.strerror}", hint) from error
