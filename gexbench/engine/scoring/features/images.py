"""Sets of images to be scored: a folder, a zip, or tensors."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from torch import Tensor

from gexbench.core.decoding import Facts, decode
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.lazy import Lazy
from gexbench.engine.scoring.features.walk import hidden, walk
from gexbench.engine.store.zip_member import AS_FILES, open_zip, read_member, refuse_large
from gexbench.errors import DataMissing
from gexbench.file_kinds import FOLDER, ZIP, Kind, what_is
from gexbench.file_kinds import IMAGE_ENDINGS as ENDINGS
from gexbench.foreign_text import escaped

_ARRAYS = frozenset({".npy", ".npz", ".pkl", ".pt", ".pth", ".safetensors"})
_ARCHIVES = frozenset({".7z", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip", ".zst"})


@dataclass(frozen=True)
class Found:
    """What else lies where a set of images was found.

    left_out: files that were not taken, by their ending, or by what they are. links: to folders that were followed.
    again: links to folders that were read under another name. folders: those that were read, as real paths; top: the
    one that holds the set. other: what one of the files left out is.
    """

    left_out: Mapping[str, int] = field(default_factory=dict)
    links: Sequence[str] = ()
    again: Sequence[str] = ()
    folders: frozenset[str] = frozenset()
    top: str = ""
    other: Kind | None = None


class Seen(NamedTuple):
    """What an image was when it was decoded; pixels: a hash of what it became."""

    facts: Facts
    pixels: bytes

    def as_text(self) -> str:
        """Return what `from_text` reads."""
        return json.dumps([*self.facts, self.pixels.hex()])

    @classmethod
    def from_text(cls, text: str) -> Seen | None:
        """Read what a row was kept with; None for what another version has kept."""
        *facts, pixels = json.loads(text)
        return cls(Facts(*facts), bytes.fromhex(pixels)) if len(facts) == len(Facts._fields) else None


class ImageSet(Protocol):
    """Images read when asked for. An image is known by its content: names order nothing and identify nothing."""

    @property
    def found(self) -> Found:
        """Return what else lies where the images were found."""
        ...

    @property
    def seen(self) -> Mapping[int, Seen] | None:
        """Return what has been decoded so far, by number; None where there are no files."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Return what errors and pairing call each image."""
        ...

    def content(self, index: int) -> bytes:
        """Return the bytes that are the image; raises DataMissing naming it when they cannot be read."""
        ...

    def decode(self, content: bytes, index: int) -> Tensor:
        """Return (3,H,W) uint8 for an image's content; raises DataMissing naming it when it is no image."""
        ...


def open_images(place: str | os.PathLike[str]) -> ImageSet:
    """Return the images of a folder (and the folders in it, by links, too) or of a zip.

    Files are taken by their ending (`ENDINGS`, either case); hidden ones and macOS resource forks are left out. Raises
    DataMissing when the place is not there, is no zip, or holds no image.
    """
    path = Path(os.path.expanduser(place))
    images: ImageSet
    if path.is_dir():
        images = FolderImages(path)
    elif path.suffix.lower() in _ARRAYS and path.is_file():
        kind = what_is(path)
        raise DataMissing(f"{_shown(path)} is a file of arrays or tensors{f': {kind.told}' if kind else ''}", AS_FILES)
    elif os.path.lexists(path):
        images = ZipImages(path)
    else:
        raise DataMissing(f"no folder or zip at {_shown(path)}", "give a folder of images or a zip of one")
    if not images.names:
        raise _no_images(path, images.found)
    return images


def _shown(path: Path) -> str:
    return escaped(str(path))


def _no_images(path: Path, found: Found) -> DataMissing:
    kind = what_is(path)
    if kind is not None and kind not in (FOLDER, ZIP):
        return DataMissing(f"{_shown(path)} is {kind.told}", kind.way_out or AS_FILES)
    told = ", ".join(f"{count} {ending}" for ending, count in list(found.left_out.items())[:5])
    return DataMissing(f"{_shown(path)} holds no images{f', but {told}' if told else ''}", _way_out(found))


def _way_out(found: Found) -> str:
    if found.other is not None and found.other.group == "image":
        return f"one is {found.other.told}: images are known by their ending, " + ", ".join(sorted(ENDINGS))
    if any(ending in _ARCHIVES for ending in found.left_out):
        return "archives in a folder are not opened; unpack them, or give one .zip itself"
    if any(ending in _ARRAYS for ending in found.left_out):
        return AS_FILES
    return "images are known by their ending: " + ", ".join(sorted(ENDINGS))


class _Files:
    """What folders and zips have in common."""

    def __init__(self, names: Iterable[str], others: Iterable[str] = ()) -> None:
        kept = list(names)
        self.names: Sequence[str] = sorted(name for name in kept if _is_image(name))
        counts = Counter(_ending(name) for name in kept if not _is_image(name)) + Counter(others)
        self.found = Found(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))
        self.seen: dict[int, Seen] = {}
        self._kinds: dict[Facts, Facts] = {}

    def called(self, index: int) -> str:
        """Return what an error calls the image."""
        raise NotImplementedError

    def decode(self, content: bytes, index: int) -> Tensor:
        """Return the image; rules as in `core.images.decode_image`."""
        picture = decode(content, self.called(index))
        pixels = to_uint8(picture.pixels) if picture.pixels.is_floating_point() else picture.pixels
        facts = self._kinds.setdefault(picture.facts, picture.facts)
        self.seen[index] = Seen(facts, _hash_of(pixels))
        return pixels


def _hash_of(pixels: Tensor) -> bytes:
    held = hashlib.blake2b(f"{pixels.shape[-2]}x{pixels.shape[-1]} ".encode(), digest_size=16)
    held.update(pixels.contiguous().numpy().data)
    return held.digest()


class FolderImages(_Files):
    """The image files below a folder, by relative path in sorted order."""

    def __init__(self, folder: Path) -> None:
        tree = walk(folder)
        super().__init__(tree.names, (what for _, what in tree.odd))
        self._folder = folder
        other = next((what_is(folder / name) for name in tree.names if not _is_image(name)), None)
        self.found = Found(
            self.found.left_out, tree.links, tree.again, frozenset(tree.folders), os.path.realpath(folder), other
        )

    def called(self, index: int) -> str:
        """Return the path."""
        return escaped(str(self._folder / self.names[index]))

    def content(self, index: int) -> bytes:
        """Return the file's bytes."""
        path = self._folder / self.names[index]
        try:
            refuse_large(self.called(index), path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise DataMissing(f"cannot read the image {self.called(index)}: {error.strerror}") from error


class ZipImages(_Files):
    """The image files in a zip, by name in sorted order; nothing is unpacked to the disk."""

    def __init__(self, path: Path) -> None:
        self._path, self._zip = path, open_zip(path)
        listed = [item for item in self._zip.infolist() if not item.is_dir() and not _is_hidden(item.filename)]
        super().__init__(item.filename for item in listed)
        self._items = sorted((item for item in listed if _is_image(item.filename)), key=lambda item: item.filename)
        for item in listed:
            if stat.S_ISLNK(item.external_attr >> 16):
                told = f"{escaped(item.filename)} in {_shown(path)} is a link, which leads nowhere from a zip"
                raise DataMissing(told, "pack what it leads to")
        for index, item in enumerate(self._items):
            refuse_large(self.called(index), item.file_size)

    def called(self, index: int) -> str:
        """Return the name in the zip, and the zip."""
        return escaped(f"{self.names[index]} in {self._path}")

    def content(self, index: int) -> bytes:
        """Return the file's bytes."""
        return read_member(self._zip, self._items[index], f"{self.names[index]} in {self._path}")


class TensorImages:
    """Images in memory, each (3,H,W) uint8."""

    def __init__(self, images: Sequence[Tensor]) -> None:
        self._images = images
        self.names: Sequence[str] = [f"image {index}" for index in range(len(images))]
        self.found, self.seen = Found(), None

    def content(self, index: int) -> bytes:
        """Return the size and the pixels."""
        image = self._images[index]
        return f"{image.shape[-2]}x{image.shape[-1]} ".encode() + image.contiguous().numpy().tobytes()

    def decode(self, content: bytes, index: int) -> Tensor:
        """Return the image."""
        return self._images[index]


class Floats(Lazy):
    """The images of a set as float32 in [0,1], read when indexed; `order` gives the number of each, None their own."""

    def __init__(self, images: ImageSet, order: Sequence[int] | None = None) -> None:
        order = range(len(images.names)) if order is None else order
        super().__init__(len(order), lambda index: _float(images, order[index]))


def _float(images: ImageSet, place: int) -> Tensor:
    return from_uint8(images.decode(images.content(place), place))


def _path(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _is_hidden(name: str) -> bool:
    return any(hidden(part) for part in _path(name).parts)


def _is_image(name: str) -> bool:
    return _path(name).suffix.lower() in ENDINGS


def _ending(name: str) -> str:
    return escaped(_path(name).suffix.lower()) or "without an ending"
