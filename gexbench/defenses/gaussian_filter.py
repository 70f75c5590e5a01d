"""Output perturbation: every answer is blurred."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.core.defense import Defense, History


class GaussianFilter(Defense):
    """Blur every answer with a Gaussian kernel, rows and columns one after the other.

    Option `sigma`: the kernel's standard deviation in pixels, 0 for no blur. The kernel is cut off three sigmas from
    its centre, rounded up to whole pixels, and sums to 1; pixels of the edge are repeated outwards. Source: output
    perturbation, Hu and Pang 2021 (doi 10.1145/3485832.3485838), section 8, of which only a summary was at hand; kernel
    and sigma are ours.
    """

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y blurred; shapes and range as in Defense.guard_output."""
        return blurred(y, float(self.options["sigma"]))


def blurred(y: Tensor, sigma: float) -> Tensor:
    """Return images (N,3,H,W) in [0,1] blurred as GaussianFilter says."""
    kernel = _kernel(sigma).to(y)
    return _along_rows(_along_rows(y, kernel).transpose(-1, -2), kernel).transpose(-1, -2).clamp(0.0, 1.0)


def _kernel(sigma: float) -> Tensor:
    reach = math.ceil(3.0 * sigma)
    places = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (places / sigma) ** 2) if sigma else torch.ones(1, dtype=torch.float64)
    return weights / weights.sum()


def _along_rows(y: Tensor, kernel: Tensor) -> Tensor:
    reach = len(kernel) // 2
    rows = F.pad(y, (reach, reach, 0, 0), mode="replicate").flatten(0, 1).unsqueeze(1)
    return F.conv2d(rows, kernel.view(1, 1, 1, -1)).view(y.shape)
