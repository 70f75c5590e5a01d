"""The no-query floor: bicubic enlargement."""

from __future__ import annotations

from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import upscale
from gexbench.core.oracle import Oracle


class BicubicEnlargement(nn.Module):
    """Enlarge by MATLAB's bicubic, clamped: (N,3,h,w) to (N,3,s*h,s*w), float32 RGB in [0,1]; no weights."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale, self.config = scale, {"scale": scale}

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged images."""
        return upscale(x, self.scale).clamp(0.0, 1.0)


class Bicubic:
    """Ask nothing, learn nothing.

    Source: the usual baseline of super-resolution, e.g. Ledig et al. 2017 (arXiv 1609.04802), table 2.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Return the enlargement by `brief.scale`."""
        return BicubicEnlargement(brief.scale)
