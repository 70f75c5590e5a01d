"""8-bit images of mixed sizes in one safetensors file, read one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import safetensors.torch
from safetensors import safe_open
from torch import Tensor

from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.lazy import Lazy
from gexbench.files import atomic_write


def store_images(path: Path, images: Iterable[Tensor]) -> None:
    """Write images, each (3,h,w) float32 in [0,1], rounded to 8 bits; raises OutputError."""
    tensors = {f"{i:07d}": to_uint8(image).contiguous() for i, image in enumerate(images)}
    atomic_write(path, safetensors.torch.save(tensors))


class StoredImages(Lazy):
    """Images of one file, each (3,h,w) float32 in [0,1], read when indexed."""

    def __init__(self, path: Path) -> None:
        file = safe_open(path, framework="pt")
        keys = sorted(file.keys())
        super().__init__(len(keys), lambda index: from_uint8(file.get_tensor(keys[index])))
