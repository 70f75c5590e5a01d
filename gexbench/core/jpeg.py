"""Images through JPEG, in one way everywhere."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gexbench.core.images import from_uint8, to_uint8


def recompressed(image: Tensor, quality: int) -> Tensor:
    """Write (3,H,W) float32 in [0,1] as JPEG with 4:2:0 chroma and read it back: the same shape, multiples of 1/255.

    quality: Pillow's, 1 to 95. Source: ITU-T T.81, by the library that Pillow brings along.
    """
    pixels = to_uint8(image.cpu()).permute(1, 2, 0).contiguous().numpy()
    with io.BytesIO() as held:
        Image.fromarray(pixels).save(held, "JPEG", quality=quality, subsampling="4:2:0")
        decoded = np.array(Image.open(held).convert("RGB"))
    return from_uint8(torch.from_numpy(decoded).permute(2, 0, 1).contiguous())
