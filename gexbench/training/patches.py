"""Draw random crops from pairs of small and large images that show the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gexbench.core.images import from_uint8


@dataclass(frozen=True)
class Pairs:
    """Images and what should become of them: low[i] (3,h,w) and high[i] (3,s*h,s*w), uint8, of mixed sizes.

    8 bits are what an API sends; kept as such, a data set takes a quarter of the memory.
    """

    low: Sequence[Tensor]
    high: Sequence[Tensor]
    scale: int

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or not self.low:
            raise ValueError(f"{len(self.low)} inputs and {len(self.high)} outputs are not a set of pairs")
        for index, (x, y) in enumerate(zip(self.low, self.high, strict=True)):
            if y.shape[-2:] != (self.scale * x.shape[-2], self.scale * x.shape[-1]):
                raise ValueError(f"pair {index}: {tuple(y.shape)} is not {self.scale} times {tuple(x.shape)}")

    def digest(self) -> str:
        """Return a hash of all pixels."""
        return pixel_digest((*self.low, *self.high))


def draw(pairs: Pairs, size: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw aligned crops: (count,3,size,size) and (count,3,s*size,s*size), float32 in [0,1].

    Every image is as likely as any other, and so is every position in it; small images are continued by mirrors.
    """
    low, high = [], []
    for _ in range(count):
        index = int(torch.randint(len(pairs.low), (1,), generator=generator))
        x, y = pairs.low[index], pairs.high[index]
        top, left = (_start(side, size, generator) for side in x.shape[-2:])
        low.append(_cut(x, top, left, size))
        high.append(_cut(y, pairs.scale * top, pairs.scale * left, pairs.scale * size))
    return from_uint8(torch.stack(low)), from_uint8(torch.stack(high))


def draw_crops(images: Sequence[Tensor], size: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw crops of single images, each (3,h,w) uint8: (count,3,size,size) float32 in [0,1]; as `draw` otherwise."""
    crops = []
    for _ in range(count):
        image = images[int(torch.randint(len(images), (1,), generator=generator))]
        top, left = (_start(side, size, generator) for side in image.shape[-2:])
        crops.append(_cut(image, top, left, size))
    return from_uint8(torch.stack(crops))


def pixel_digest(images: Iterable[Tensor]) -> str:
    """Return a hash of the shapes and pixels of uint8 images."""
    total = hashlib.blake2b(digest_size=16)
    for image in images:
        total.update(str(tuple(image.shape)).encode())
        total.update(image.contiguous().numpy().tobytes())
    return total.hexdigest()


def _start(side: int, size: int, generator: torch.Generator) -> int:
    return int(torch.randint(max(side - size, 0) + 1, (1,), generator=generator))


def _cut(image: Tensor, top: int, left: int, size: int) -> Tensor:
    rows, columns = (_mirrored(start, size, side) for start, side in zip((top, left), image.shape[-2:], strict=True))
    return image[:, rows][:, :, columns]


def _mirrored(start: int, size: int, side: int) -> Tensor:
    # the edge pixel is repeated: only then do both scales mirror about the same line
    places = torch.arange(start, start + size) % (2 * side)
    return torch.where(places < side, places, 2 * side - 1 - places)
