"""Sets of images to be scored: a folder, a zip, or tensors."""

from __future__ import annotations

import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from torch import Tensor

from gexbench.core.images import decode_8bit, from_uint8
from gexbench.core.lazy import Lazy
from gexbench.errors import DataMissing

ENDINGS = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_LARGEST = 1 << 30


class ImageSet(Protocol):
    """Images read when asked for. An image is known by its content: names order nothing and identify nothing."""

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
    """Return the images of a folder (and the folders in it) or of a zip.

    Files are taken by their ending (`ENDINGS`, either case); hidden ones and macOS resource forks are left out. Raises
    DataMissing when the place is not there, is no zip, or holds no image.
    """
    path = Path(place).expanduser()
    images: ImageSet
    if path.is_dir():
        images = FolderImages(path)
    elif path.is_file():
        images = ZipImages(path)
    else:
        raise DataMissing(f"no folder or zip at {path}", "give a folder of images or a zip of one")
    if not images.names:
        raise DataMissing(f"{path} holds no images", "images are known by their ending: " + ", ".join(sorted(ENDINGS)))
    return images


class FolderImages:
    """The image files below a folder, by relative path in sorted order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names: Sequence[str] = sorted(name for name in _files(folder) if _is_image(name))

    def content(self, index: int) -> bytes:
        """Return the file's bytes."""
        path = self._folder / self.names[index]
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataMissing(f"cannot read the image {path}: {error.strerror}") from error

    def decode(self, content: bytes, index: int) -> Tensor:
        """Return the image; rules as in `core.images.decode_image`."""
        return decode_8bit(content, str(self._folder / self.names[index]))


class ZipImages:
    """The image files in a zip, by name in sorted order; nothing is unpacked to the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
            listed = {item.filename: item.file_size for item in self._zip.infolist() if not item.is_dir()}
        except (OSError, NotImplementedError, ValueError, zipfile.BadZipFile) as error:
            raise DataMissing(f"{path} is neither a folder nor a zip that can be read: {error}") from error
        self.names: Sequence[str] = sorted(name for name in listed if _is_image(name))
        for name in self.names:
            if listed[name] > _LARGEST:
                raise DataMissing(f"{name} in {path} unpacks to {listed[name]} bytes; an image has at most {_LARGEST}")

    def content(self, index: int) -> bytes:
        """Return the file's bytes."""
        try:
            return self._zip.read(self.names[index])
        except (OSError, RuntimeError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
            raise DataMissing(f"cannot read {self.names[index]} in {self._path}: {error}") from error

    def decode(self, content: bytes, index: int) -> Tensor:
        """Return the image; rules as in `core.images.decode_image`."""
        return decode_8bit(content, f"{self.names[index]} in {self._path}")


class TensorImages:
    """Images in memory, each (3,H,W) uint8."""

    def __init__(self, images: Sequence[Tensor]) -> None:
        self._images = images
        self.names: Sequence[str] = [f"image {index}" for index in range(len(images))]

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


def _files(folder: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise DataMissing(f"cannot read the folder {error.filename}: {error.strerror}") from error

    for parent, _, names in os.walk(folder, onerror=refuse):
        yield from ((Path(parent) / name).relative_to(folder).as_posix() for name in names)


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in ENDINGS
