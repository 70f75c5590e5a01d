"""The control that learns nothing but colours: one affine map for all pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import from_uint8
from gexbench.core.oracle import Oracle
from gexbench.training.transfer_set import answered

ROUNDING = (1.0 / 255.0) ** 2 / 12.0
"""The variance of rounding to 8 bits."""


class ColorMap(nn.Module):
    """Map colours: (N,3,H,W) to the same shape, float32 RGB in [0,1], clamped.

    matrix: (3,3). offset: (3,). Without them every colour stays. Both are buffers: nothing is trained by gradients.
    """

    matrix: Tensor
    offset: Tensor

    def __init__(self, matrix: Tensor | None = None, offset: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(3) if matrix is None else matrix.float())
        self.register_buffer("offset", torch.zeros(3) if offset is None else offset.float())

    def forward(self, x: Tensor) -> Tensor:
        """Return matrix times colour plus offset for every pixel."""
        mapped = torch.einsum("ij,njhw->nihw", self.matrix, x)
        return (mapped + self.offset.view(3, 1, 1)).clamp(0.0, 1.0)


class ColorTransfer:
    """Give the colours of questions the mean and covariance of the colours of answers.

    Which question an answer belongs to is not used. Source: Pitie and Kokaram 2007, "The linear Monge-Kantorovitch
    linear colour mapping for example-based colour transfer", the closed form for Gaussians.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask `oracle.budget` questions, fewer where the pool is smaller."""
        pairs = answered(oracle, brief, oracle.budget)
        return ColorMap(*color_map(moments(pairs.low), moments(pairs.high))).to(brief.device)


def moments(images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return mean (3,) and covariance (3,3) of all pixels of images (3,h,w) uint8, in [0,1], float64."""
    total, products, count = torch.zeros(3, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64), 0
    for image in images:
        pixels = from_uint8(image).double().flatten(1)
        total += pixels.sum(dim=1)
        products += pixels @ pixels.T
        count += pixels.shape[1]
    mean = total / count
    return mean, products / count - torch.outer(mean, mean)


def color_map(source: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return matrix (3,3) and offset (3,), float64, of the cheapest affine map between two colour distributions.

    source, target: mean (3,) and covariance (3,3), float64. Both covariances grow by the variance of rounding to 8
    bits, so that grey images, which vary along one direction only, have a map too.
    """
    (mean, spread), (wanted_mean, wanted) = source, target
    floor = ROUNDING * torch.eye(3, dtype=torch.float64)
    root = _power(spread + floor, 0.5)
    inverse = _power(spread + floor, -0.5)
    matrix = inverse @ _power(root @ (wanted + floor) @ root, 0.5) @ inverse
    return matrix, wanted_mean - matrix @ mean


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    power: Tensor = (vectors * values.pow(exponent)) @ vectors.T
    return power
