"""8-bit images of mixed sizes in one safetensors file, read one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import safetensors.torch
from safetensors import safe_open
from torch import Tensor

from gexbench.core.images import from_uint8, to_uint8
from gexbench.engine.places import atomic_write


def store_images(path: Path, images: Iterable[Tensor]) -> None:
    """Write images, each (3,h,w) float32 in [0,1], rounded to 8 bits; raises OutputError."""
    tensors = {f"{i:07d}": to_uint8(image).contiguous() for i, image in enumerate(images)}
    atomic_write(path, safetensors.torch.save(tensors))


class StoredImages(Sequence[Tensor]):
    """Images of one file, each (3,h,w) float32 in [0,1], read when indexed."""

    def __init__(self, path: Path) -> None:
        self._file = safe_open(path, framework="pt")
        self._keys = sorted(self._file.keys())

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return from_uint8(self._file.get_tensor(self._keys[index]))
