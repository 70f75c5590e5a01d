"""What turns an image into a row of features."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Extractor(Protocol):
    """Built with the card's settings and the paths of its assets: `Class(settings, assets)`; on the CPU at first."""

    def prepare(self, image: Tensor) -> Tensor:
        """Return what the network takes, always of one shape, for (3,H,W) uint8; called from several threads."""
        ...

    def features(self, batch: Tensor) -> Tensor:
        """Return (N,width) float32 on the CPU for N prepared images; a row depends on its image alone."""
        ...

    def to(self, device: str) -> Extractor:
        """Return this extractor on another device."""
        ...
