"""All files of what somebody downloaded: folders, zips and tars, and archives in folders."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from gexbench.engine.store.zip_member import LARGEST, open_zip, read_member
from gexbench.errors import DataMissing
from gexbench.foreign_text import escaped, shown

_TARS = (".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")
_ZIPS = (".zip", ".whl")


def contents(place: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each file of a folder or an archive, archives in the folder opened too: its path from there, its content.

    Links are not followed, nor is anything unpacked to the disk; files of more than LARGEST bytes are passed over.
    Raises DataMissing for a place that is not there, for an archive that cannot be read, and for what is none.
    """
    place = Path(os.path.expanduser(place))
    if place.is_dir():
        for folder, folders, files in os.walk(place):
            folders.sort()
            for name in sorted(files):
                yield from _file(Path(folder, name), os.path.relpath(os.path.join(folder, name), place))
    elif place.is_file() and place.name.lower().endswith((*_ZIPS, *_TARS)):
        yield from _archive(place)
    else:
        told = "is no folder, zip or tar" if place.exists() else "is not there"
        raise DataMissing(f"{escaped(str(place))} {told}", "give what you downloaded: a folder, a .zip or a .tar")


def _file(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
        return
    if name.lower().endswith((*_ZIPS, *_TARS)):
        yield from ((f"{name}/{inner}", content) for inner, content in _archive(path))
        return
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataMissing(f"cannot read {escaped(str(path))}: {error.strerror}", "check its permissions") from None
    yield Path(name).as_posix(), content


def _archive(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.name.lower().endswith(_TARS):
        yield from _tar(path)
        return
    with open_zip(path) as archive:
        for item in archive.infolist():
            if not item.is_dir() and item.file_size <= LARGEST and not _is_link(item):
                name = item.filename.replace("\\", "/")
                yield name, read_member(archive, item, f"{name} from {path}")


def _is_link(item: zipfile.ZipInfo) -> bool:
    return (item.external_attr >> 28) == 0o12


def _tar(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as archive:
            for item in archive:
                inside = archive.extractfile(item) if item.isreg() and item.size <= LARGEST else None
                if inside is not None:
                    yield item.name, inside.read()
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:  # zlib's and lzma's errors among them
        raise DataMissing(
            f"{escaped(str(path))} cannot be read: {shown(str(error)) or type(error).__name__}", "fetch it again"
        ) from None
