"""One reader of zips from elsewhere: whatever is wrong with one becomes a line that names it."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from gexbench.errors import DataMissing
from gexbench.file_kinds import ZIP, Kind, what_is
from gexbench.foreign_text import escaped, shown

LARGEST = 1 << 30
"""Bytes of a file of a set, unpacked or not."""
AS_FILES = "arrays and tensors are not read: save each image as an 8-bit PNG and give their folder"
_AGAIN = "the file is damaged; fetch it again"
_PACK = "pack it anew, without a password, by deflate"


def open_zip(path: Path) -> zipfile.ZipFile:
    """Return a zip that is open; raises DataMissing where the file is none or is damaged."""
    kind, told = what_is(path), f"{escaped(str(path))} is neither a folder nor a zip that can be read"
    if kind is not None and kind != ZIP:
        raise DataMissing(f"{told}: it is {kind.told}", _instead_of(kind))
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # whatever a damaged file does to the library
        hint = "fetch it again, or unpack it into a folder; other archives are not opened"
        raise DataMissing(f"{told}: {_words(error)}", hint) from error


def read_member(archive: zipfile.ZipFile, item: zipfile.ZipInfo, name: str) -> bytes:
    """Return the content of a member; name: what an error calls it. Raises DataMissing where it cannot be read.

    A member that is a link, or that unpacks to more than LARGEST, is refused unread.
    """
    if stat.S_ISLNK(item.external_attr >> 16):
        raise DataMissing(f"{escaped(name)} is a link, which leads nowhere from a zip", "pack what it leads to")
    refuse_large(name, item.file_size)
    try:
        return archive.read(item)
    except Exception as error:  # whatever a damaged or foreign member does to the library
        hint = _PACK if isinstance(error, RuntimeError) else _AGAIN  # NotImplementedError is one, too
        raise DataMissing(f"cannot read {escaped(name)}: {_words(error)}", hint) from error


def refuse_large(name: str, size: int) -> None:
    """Raise DataMissing for a file of more than LARGEST bytes."""
    if size > LARGEST:
        raise DataMissing(f"{escaped(name)} unpacks to {size} bytes; an image has at most {LARGEST}")


def _instead_of(kind: Kind) -> str:
    if kind.group == "weights" or (kind.group == "arrays" and not kind.way_out):
        return AS_FILES
    return kind.way_out or "give a folder of images or a zip of one"


def _words(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return shown(reason or str(error) or type(error).__name__)
