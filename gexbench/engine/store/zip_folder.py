"""A folder of data sets, some of whose folders may be zips of the same name."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gexbench.engine.store.file_lists import matching
from gexbench.errors import DataMissing
from gexbench.foreign_text import shown


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
    member: str = ""

    def read(self) -> bytes:
        """Return the content; raises DataMissing when it can no longer be read."""
        if self.path is None:
            return self.name.encode()
        return _content(self.name, self.path, self.archive, self.member)

    @classmethod
    def drawn(cls, name: str) -> File:
        """Return what stands for an image that is drawn from its name."""
        return cls(name, None, hashlib.sha256(name.encode()).hexdigest())


class DataFolder:
    """Find files below one folder by name; a zip is opened once and stays open as long as its files are held.

    `pool/1.jpg` is the file of that name, else the member `1.jpg` of `pool.zip`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._archives: dict[Path, zipfile.ZipFile | None] = {}

    def find(self, name: str) -> File | None:
        """Return a file with the hash of its content, or None where there is none; raises DataMissing if unreadable."""
        if (self.root / name).is_file():
            return _file(name, self.root / name)
        for path, archive, member in self._holders(name):
            if member in archive.NameToInfo:
                return _file(name, path, archive, member)
        return None

    def names(self, pattern: str) -> list[str]:
        """Return the names of files a pattern with `*` means, sorted."""
        fixed = PurePosixPath(pattern.split("*")[0] + "_").parent
        folder = self.root / fixed
        if folder.is_dir():
            depth = pattern.count("/") - len(fixed.parts)
            found = folder.glob("/".join(["*"] * (depth + 1)))
            return matching(pattern, [path.relative_to(self.root).as_posix() for path in found if path.is_file()])
        for path, archive, _ in self._holders(f"{fixed}/_"):
            held = path.relative_to(self.root).with_suffix("").as_posix()
            return matching(pattern, [f"{held}/{member}" for member in archive.namelist()])
        return []

    def _holders(self, name: str) -> Iterator[tuple[Path, zipfile.ZipFile, str]]:
        inner = PurePosixPath(name)
        for folder in list(inner.parents)[:-1]:
            path = self.root / f"{folder}.zip"
            archive = self._open(path)
            if archive is not None:
                yield path, archive, inner.relative_to(folder).as_posix()

    def _open(self, path: Path) -> zipfile.ZipFile | None:
        if path not in self._archives:
            try:
                self._archives[path] = zipfile.ZipFile(path) if path.is_file() else None
            except Exception as error:  # whatever a damaged file does to the library
                told = f"cannot open {shown(str(path))}: {shown(str(error) or type(error).__name__)}"
                raise DataMissing(told, "the file is damaged; fetch it again") from error
        return self._archives[path]


def _file(name: str, path: Path, archive: zipfile.ZipFile | None = None, member: str = "") -> File:
    content = _content(name, path, archive, member)
    return File(name, path, hashlib.sha256(content).hexdigest(), archive, member)


def _content(name: str, path: Path, archive: zipfile.ZipFile | None, member: str) -> bytes:
    try:
        return archive.read(member) if archive else path.read_bytes()
    except Exception as error:  # whatever a damaged or foreign member does to the library
        told = f"cannot read {shown(name)} from {shown(str(path))}: {shown(str(error) or type(error).__name__)}"
        raise DataMissing(told, "the file is damaged; fetch it again") from error
