"""A control: the owner's own images, handed out again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError


class OwnerImages:
    """Query nothing and hand out the images the owner has, by chance: the best that any copy can score in C.

    Source: a control of this benchmark.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Return the images as a surrogate. Raises PlanError where the truth is not granted, or holds no image."""
        if not brief.truth:
            raise PlanError("owner-images needs the owner's images", "run it in a task of kind sampling")
        images = torch.stack([to_uint8(image) for image in brief.truth])
        made = HandedOut(len(images), images.shape[-1])
        made.images.copy_(images)
        return made


class HandedOut(nn.Module):
    """Images by latents: (N,1) standard normal to (N,3,side,side) float32 RGB in [0,1], each image equally likely."""

    latent_size = 1

    def __init__(self, count: int, side: int) -> None:
        super().__init__()
        self.config = {"count": count, "side": side}
        self.images: Tensor
        self.register_buffer("images", torch.zeros(count, 3, side, side, dtype=torch.uint8))

    def forward(self, latents: Tensor) -> Tensor:
        """Return the image at the latent's place in the normal distribution."""
        shares = torch.special.ndtr(latents[:, 0].double())
        return from_uint8(self.images[(shares * len(self.images)).long().clamp(max=len(self.images) - 1)])
