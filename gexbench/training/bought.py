"""What a service that draws images is asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle

AT_ONCE = 256


def bought(oracle: Oracle, count: int) -> tuple[list[Tensor], Tensor | None]:
    """Have the service draw `count` images: each (3,side,side) uint8, and their latents (count,d) where it tells them.

    Raises what Oracle.sample raises.
    """
    images: list[Tensor] = []
    latents: list[Tensor] = []
    while len(images) < count:
        drawn = oracle.sample(min(AT_ONCE, count - len(images)))
        images.extend(to_uint8(drawn.images))
        if drawn.latents is not None:
            latents.append(drawn.latents)
    return images, torch.cat(latents) if latents else None
