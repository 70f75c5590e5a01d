"""8-bit images of mixed sizes in one safetensors file, read one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.lazy import Lazy
from gexbench.files import atomic_write


def store_images(path: Path, images: Iterable[Tensor]) -> None:
    """Write images, each (3,h,w) float32 in [0,1], rounded to 8 bits, or of 8 bits already; raises OutputError."""
    atomic_write(path, packed_images(images))


def packed_images(images: Iterable[Tensor]) -> bytes:
    """Return the content of such a file."""
    tensors = {
        f"{i:07d}": image.contiguous().clone() if image.dtype == torch.uint8 else to_uint8(image).contiguous()
        for i, image in enumerate(images)
    }
    return safetensors.torch.save(tensors)


def unpacked_images(content: bytes) -> list[Tensor]:
    """Return the images (3,h,w) uint8 in the content of such a file; raises ValueError where it is none."""
    try:
        tensors = safetensors.torch.load(content)
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"no safetensors file ({type(error).__name__})") from None
    images = [tensors[key] for key in sorted(tensors)]
    for image in images:
        if image.dtype != torch.uint8 or image.dim() != 3 or image.shape[0] != 3:
            raise ValueError(f"{image.dtype} {tuple(image.shape)}, no image (3,h,w) of 8 bits")
    return images


class StoredImages(Lazy):
    """Images of one file, each (3,h,w) float32 in [0,1], read when indexed."""

    def __init__(self, path: Path) -> None:
        file = safe_open(path, framework="pt")
        keys = sorted(file.keys())
        super().__init__(len(keys), lambda index: from_uint8(file.get_tensor(keys[index])))
