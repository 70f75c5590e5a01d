"""Change the sides of images through the filter [1,3,3,1], which keeps finer detail from folding over."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Smooth(nn.Module):
    """Filter images by [1,3,3,1] along both sides: (N,C,H,W) to (N,C,(H+2*margin-4)//stride+1,...).

    margin: rows and columns of zeros added on each side before. gain: what the filter's 16 weights sum to. Source:
    Karras et al. 2020, appendix B (arXiv 1912.04958); Zhang 2019, section 3 (arXiv 1904.11486).
    """

    kernel: Tensor

    def __init__(self, margin: int, stride: int = 1, gain: float = 1.0) -> None:
        super().__init__()
        self.margin, self.stride = margin, stride
        self.register_buffer("kernel", _kernel(gain), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the filtered images."""
        channels = x.shape[1]
        y = F.conv2d(x, self.kernel.expand(channels, 1, 4, 4), None, padding=self.margin, groups=channels)
        # Outputs left out cost less than the gradient of a strided convolution of single channels, on a CPU.
        return y[..., :: self.stride, :: self.stride]


class Doubled(nn.Module):
    """Double the sides: zeros between the pixels, then the filter: (N,C,h,w) to (N,C,2h,2w).

    That is bilinear interpolation between the centres of pixels, with zeros around the image.
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", _kernel(gain=4.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the larger images."""
        channels = x.shape[1]
        return F.conv_transpose2d(x, self.kernel.expand(channels, 1, 4, 4), stride=2, padding=1, groups=channels)


def _kernel(gain: float) -> Tensor:
    line = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(line, line) * (gain / 64.0)
