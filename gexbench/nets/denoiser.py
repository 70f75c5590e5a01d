"""A small net that takes faint noise out of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WINDOW = 5
GAIN = 20.0
"""Faint noise, 0.05 at most, is of the size of an image after it; without, nets take many steps to see it at all."""


class Denoiser(nn.Module):
    """Take noise out: (N,3,H,W) to the same shape, float32 RGB in [0,1].

    Four 3x3 convolutions with ReLU between them see the image and, enlarged, how each pixel differs from the mean of
    its window; what they say is added to the input. In training mode the output is not clamped, in evaluation mode it
    is. channels: width between them. Source: residual learning, Zhang et al. 2017 (arXiv 1608.03981), made small.
    """

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        self.config = {"channels": channels}
        self.layers = nn.Sequential(
            _convolution(6, channels),
            nn.ReLU(),
            _convolution(channels, channels),
            nn.ReLU(),
            _convolution(channels, channels),
            nn.ReLU(),
            _convolution(channels, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the images with less noise."""
        margin = WINDOW // 2
        mean = F.avg_pool2d(F.pad(x, (margin,) * 4, mode="replicate"), WINDOW, stride=1)
        found = self.layers(torch.cat([2.0 * x - 1.0, GAIN * (x - mean)], dim=1)).float()
        out: Tensor = x + found / GAIN
        return out if self.training else out.clamp(0.0, 1.0)


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")
