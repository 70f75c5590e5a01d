"""What a service that draws images is asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle

FIRST = 64
BYTES_AT_ONCE = 3 << 20


def bought(oracle: Oracle) -> tuple[list[Tensor], Tensor | None]:
    """Have the service draw the whole budget: images (3,side,side) uint8, and their latents (N,d) where it tells them.

    After the first few it is asked for 3 MiB at once, 1024 images of 32 pixels: enough that what a request costs beside
    drawing is little, and few enough to hold in memory. Raises what Oracle.sample raises.
    """
    images: list[Tensor] = []
    latents: list[Tensor] = []
    at_once = FIRST
    while len(images) < oracle.budget:
        drawn = oracle.sample(min(at_once, oracle.budget - len(images)))
        images.extend(to_uint8(drawn.images))
        if drawn.latents is not None:
            latents.append(drawn.latents)
        at_once = max(1, BYTES_AT_ONCE // images[0].numel())
    return images, torch.cat(latents) if latents else None
