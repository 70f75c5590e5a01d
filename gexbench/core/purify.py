"""What a thief does to answers to be rid of marks and noise in them, knowing nothing of either."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.core.jpeg import recompressed

QUALITY = 75
SIGMA = 1.0
WEIGHT = 0.05
"""Of the total variation, pixels in [0,1]."""


def jpeg(images: Tensor) -> Tensor:
    """Return images (N,3,H,W) in [0,1] after JPEG at quality 75, see `core.jpeg`."""
    return torch.stack([recompressed(image, QUALITY) for image in images])


def blur(images: Tensor) -> Tensor:
    """Return images (N,3,H,W) after a Gaussian of sigma 1 pixel, cut off at 3; edge pixels are repeated."""
    taps = torch.exp(-0.5 * (torch.arange(-3.0, 4.0) / SIGMA) ** 2)
    kernel = (taps / taps.sum()).view(1, 1, 1, 7).repeat(3, 1, 1, 1)
    across = F.conv2d(F.pad(images, (3, 3, 0, 0), mode="replicate"), kernel, groups=3)
    down = F.conv2d(F.pad(across, (0, 0, 3, 3), mode="replicate"), kernel.transpose(2, 3), groups=3)
    return down.clamp(0.0, 1.0)


def median(images: Tensor) -> Tensor:
    """Return images (N,3,H,W) with each pixel the median of its 3x3 window, by channel; edge pixels are repeated."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    return padded.unfold(2, 3, 1).unfold(3, 3, 1).flatten(-2).median(dim=-1).values


def denoise(images: Tensor) -> Tensor:
    """Return images (N,3,H,W) in [0,1] with little total variation, each near what it was.

    Source: Chambolle 2004, "An algorithm for total variation minimization and applications", by scikit-image.
    """
    from skimage.restoration import denoise_tv_chambolle  # half a second that only this purifier takes

    smooth = [denoise_tv_chambolle(image.numpy(), weight=WEIGHT, channel_axis=0) for image in images]
    return torch.from_numpy(np.stack(smooth)).to(images).clamp(0.0, 1.0)


PURIFIERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "jpeg": jpeg,
    "blur": blur,
    "median": median,
    "denoise": denoise,
}
"""By the names of the option `purify`; images (N,3,H,W) float32 in [0,1], on the CPU, to the same."""
