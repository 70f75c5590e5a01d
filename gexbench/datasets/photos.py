"""Photos for super-resolution: the truth is the photo, the input is the photo made smaller."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gexbench.core.dataset import File, Split
from gexbench.core.images import crop_to_multiple, decode_image, downscale_8bit, from_uint8, to_uint8
from gexbench.core.lazy import Lazy
from gexbench.datasets.settings import numbers
from gexbench.errors import CardError, DataMissing

_HELD = 16
_TRIES = 32


@dataclass(frozen=True)
class Sizes:
    """What the card sets; sides are in pixels of the input, and 0 means whole photos.

    scale: side of the truth over side of the input. pool_crop: side of the square crops that make up the pool;
    pool_count: how many there are, dealt over the pool's photos in turn; seed: of their places. min_std: a place is
    drawn again, up to 32 times, while the standard deviation of its colour planes (values in [0,1]; mean of the three)
    is below. test_crop: longest side of a test input; larger ones are cut to their centre.
    """

    scale: int = 4
    pool_crop: int = 0
    pool_count: int = 0
    seed: int = 0
    min_std: float = 0.03
    test_crop: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Sizes:
        """Read a card's settings; raises CardError for an unknown key or a number out of range."""
        sizes = numbers(cls, settings, "ScaledPhotos", {"scale": 1})
        if (sizes.pool_crop > 0) != (sizes.pool_count > 0):
            raise CardError("settings.pool_crop and settings.pool_count go together", "set both, or neither")
        return sizes


class ScaledPhotos:
    """Read photos when they are asked for; `ScaledPhotos(settings, files)`, settings as in `Sizes`.

    files: photos by split, "owner", "pool", "test/<name>". The truth is 8-bit RGB with sides that are multiples of
    scale, the input is `core.images.downscale_8bit` of it. Raises CardError for settings it does not know; indexing
    raises DataMissing for a file that is no image or is smaller than a pool crop.
    """

    def __init__(self, settings: Mapping[str, Any], files: Mapping[str, Sequence[File]]) -> None:
        self._sizes = Sizes.of(settings)
        self._files = files

    def owner(self) -> Sequence[Tensor]:
        """Return the owner's whole photos, each (3,H,W) float32 in [0,1]."""
        return self._whole(self._files.get("owner", ())).truth

    def style(self) -> Sequence[Tensor]:
        """Return nothing: super-resolution learns from pairs."""
        return ()

    def pool(self) -> Split:
        """Return the pool: whole photos, or crops named `file#index`, the same on every machine."""
        photos, sizes = self._files["pool"], self._sizes
        if not sizes.pool_crop:
            return self._whole(photos)
        album = Album(photos, sizes.scale)

        def crop(index: int) -> Tensor:
            return cut(album, index, sizes)

        return _split([f"{photos[i % len(photos)].name}#{i}" for i in range(sizes.pool_count)], crop, sizes.scale)

    def tests(self) -> dict[str, Split]:
        """Return the test splits by name."""
        longest = self._sizes.test_crop * self._sizes.scale
        splits = {key.removeprefix("test/"): photos for key, photos in self._files.items() if key.startswith("test/")}
        return {name: self._whole(photos, longest) for name, photos in splits.items()}

    def _whole(self, photos: Sequence[File], longest: int = 0) -> Split:
        album = Album(photos, self._sizes.scale)
        return _split([photo.name for photo in photos], lambda i: _centre(album[i], longest), self._sizes.scale)


class Album:
    """Photos as uint8 (3,H,W), sides multiples of scale; the ones read last are held. Small ones raise DataMissing."""

    def __init__(self, photos: Sequence[File], scale: int) -> None:
        self.photos = photos
        self._scale = scale
        self._held: dict[int, Tensor] = {}

    def __getitem__(self, index: int) -> Tensor:
        if index not in self._held:
            if len(self._held) == _HELD:
                del self._held[next(iter(self._held))]
            self._held[index] = self._read(self.photos[index])
        return self._held[index]

    def _read(self, photo: File) -> Tensor:
        pixels = to_uint8(decode_image(photo.read(), photo.name))
        if min(pixels.shape[-2:]) < self._scale:
            size = f"{pixels.shape[-2]}x{pixels.shape[-1]}"
            raise DataMissing(f"{photo.name} is {size} pixels, less than one input pixel at scale {self._scale}")
        return crop_to_multiple(pixels, self._scale)


def _split(names: Sequence[str], pixels: Callable[[int], Tensor], scale: int) -> Split:
    truth = Lazy(len(names), lambda index: from_uint8(pixels(index)))
    return Split(names, Lazy(len(names), lambda index: downscale_8bit(truth[index], scale)), truth)


def _centre(photo: Tensor, longest: int) -> Tensor:
    height, width = (min(side, longest) if longest else side for side in photo.shape[-2:])
    top, left = (photo.shape[-2] - height) // 2, (photo.shape[-1] - width) // 2
    return photo[:, top : top + height, left : left + width]


def cut(album: Album, index: int, sizes: Sizes) -> Tensor:
    """Return a square of a photo, uint8 (3,side,side), at a place that its number and the seed tell.

    Raises DataMissing for a photo that is smaller.
    """
    photo, side = album[index % len(album.photos)], sizes.pool_crop * sizes.scale
    if min(photo.shape[-2:]) < side:
        name, size = album.photos[index % len(album.photos)].name, f"{photo.shape[-2]}x{photo.shape[-1]}"
        raise DataMissing(f"{name} is {size} pixels, smaller than a {side}x{side} crop", "set a smaller pool_crop")
    best, spread = photo, -1.0
    for attempt in range(_TRIES):
        crop = _at_random(photo, side, f"{sizes.seed}/{index}/{attempt}")
        std = float(crop.double().std(dim=(1, 2)).mean() / 255.0)
        if std > spread:
            best, spread = crop, std
        if std >= sizes.min_std:
            break
    return best


def _at_random(photo: Tensor, side: int, seed: str) -> Tensor:
    # A hash and not a generator: no library's next version moves the crops.
    number = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=16).digest(), "little")
    number, top = divmod(number, photo.shape[-2] - side + 1)
    left = number % (photo.shape[-1] - side + 1)
    return photo[:, top : top + side, left : left + side]
