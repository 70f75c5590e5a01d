"""Output perturbation: lossy compression of every answer."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gexbench.core.defense import Defense, History
from gexbench.core.images import from_uint8, to_uint8


class Jpeg(Defense):
    """Send every answer through JPEG, as many image services do.

    Option `quality`: Pillow's, 1 to 95; colour is kept at half resolution (4:2:0). Source: output perturbation, Hu and
    Pang 2021 (doi 10.1145/3485832.3485838), section 8, of which only a summary was at hand; JPEG and quality are ours.
    """

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y after JPEG, each image on its own; shapes and range as in Defense.guard_output."""
        return torch.stack([recompressed(image, int(self.options["quality"])) for image in y]).to(y)


def recompressed(image: Tensor, quality: int) -> Tensor:
    """Write (3,H,W) float32 in [0,1] as JPEG with 4:2:0 chroma and read it back: the same shape, multiples of 1/255."""
    pixels = to_uint8(image.cpu()).permute(1, 2, 0).contiguous().numpy()
    with io.BytesIO() as held:
        Image.fromarray(pixels).save(held, "JPEG", quality=quality, subsampling="4:2:0")
        decoded = np.array(Image.open(held).convert("RGB"))
    return from_uint8(torch.from_numpy(decoded).permute(2, 0, 1).contiguous())
