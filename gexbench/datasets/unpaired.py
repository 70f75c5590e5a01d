"""Images without partners, all cut to squares of one size: photos and a style, or sets for services that draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gexbench.core.dataset import File, Split
from gexbench.core.images import decode_8bit, from_uint8
from gexbench.core.lazy import Lazy
from gexbench.datasets.real_images import RealImages
from gexbench.datasets.settings import numbers
from gexbench.errors import DataMissing


@dataclass(frozen=True)
class Square:
    """What the card sets, in pixels. side: of the squares. smallest: the least side a file may have; 0 means `side`."""

    side: int = 256
    smallest: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any], reader: str) -> Square:
        """Read the settings of a `reader`'s card; raises CardError for an unknown key or a number out of range."""
        return numbers(cls, settings, reader, {"side": 8})


class UnpairedPhotos:
    """Read images when they are asked for; `UnpairedPhotos(settings, files)`, settings as in `Square`.

    files: pictures by split, "owner", "style", "pool", "reference", "test/<name>". Every image is resized so that its
    shorter side is `side` (Pillow's bicubic, antialiased), cut to its centre, and rounded to 8 bits. The truth of a
    test split is all of "reference", whatever the inputs. Raises CardError for settings it does not know; indexing
    raises DataMissing for a file that is no image or is too small.
    """

    def __init__(self, settings: Mapping[str, Any], files: Mapping[str, Sequence[File]]) -> None:
        self._square = Square.of(settings, "UnpairedPhotos")
        self._files = files

    def owner(self) -> Sequence[Tensor]:
        """Return the owner's photos, each (3,side,side) float32 in [0,1]."""
        return self._images("owner")

    def style(self) -> Sequence[Tensor]:
        """Return the owner's style images."""
        return self._images("style")

    def pool(self) -> Split:
        """Return the attacker's photos; nobody knows a truth about them."""
        return Split([picture.name for picture in self._files["pool"]], self._images("pool"), ())

    def tests(self) -> dict[str, Split]:
        """Return the test photos by name, each split with all held-back style images."""
        truth = self._images("reference")
        return {
            key.removeprefix("test/"): Split([picture.name for picture in pictures], self._images(key), truth)
            for key, pictures in self._files.items()
            if key.startswith("test/")
        }

    def _images(self, split: str) -> Sequence[Tensor]:
        return squares(self._files.get(split, ()), self._square)


class ImageSets(RealImages):
    """Read real images for services that draw images; `ImageSets(settings, files)`, settings as in `Square`.

    files: pictures by split, "owner", "test/<name>", and "pool" where attackers own some. Every image becomes a square
    as in `UnpairedPhotos`. Raises as `UnpairedPhotos`.
    """

    def __init__(self, settings: Mapping[str, Any], files: Mapping[str, Sequence[File]]) -> None:
        super().__init__(files)
        self._square, self._pictures = Square.of(settings, "ImageSets"), files

    def _images(self, split: str) -> Sequence[Tensor]:
        return squares(self._pictures.get(split, ()), self._square)


def squares(pictures: Sequence[File], square: Square) -> Sequence[Tensor]:
    """Return images cut to squares, read when indexed; see `UnpairedPhotos`."""
    return Lazy(len(pictures), lambda index: from_uint8(_square(pictures[index], square)))


def _square(picture: File, square: Square) -> Tensor:
    pixels = decode_8bit(picture.read(), picture.name)
    height, width = pixels.shape[-2:]
    least = square.smallest or square.side
    if min(height, width) < least:
        told = f"{picture.name} is {width}x{height} pixels, below the {least}x{least} this data set takes"
        raise DataMissing(told, "take it out, or lower settings.side (or settings.smallest) on the card")
    ratio = square.side / min(height, width)
    if ratio != 1.0:
        pixels = _resized(pixels, max(square.side, round(height * ratio)), max(square.side, round(width * ratio)))
    top, left = ((side - square.side) // 2 for side in pixels.shape[-2:])
    return pixels[:, top : top + square.side, left : left + square.side]


def _resized(pixels: Tensor, height: int, width: int) -> Tensor:
    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    resized = np.array(image.resize((width, height), Image.Resampling.BICUBIC))
    return torch.from_numpy(resized).permute(2, 0, 1).contiguous()
