"""Move images a little, where a network minds most."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def ascended(
    y: Tensor, objective: Callable[[Tensor], Tensor], radius: float, steps: int, generator: torch.Generator
) -> Tensor:
    """Return images like y (N,3,H,W), float32 in [0,1], on which an objective is higher: projected gradient ascent.

    objective: from images to one number. radius: in 8-bit steps; no number is moved further, and each by a whole count
    of them. It starts at a point of the ball drawn from `generator`, and goes 2.5 radii in all along the sign of the
    gradient. Source: Madry, Makelov, Schmidt, Tsipras and Vladu 2018 (arXiv 1706.06083), section 2.1; its appendix has
    the 2.5.
    """
    reach = radius / 255.0
    x = y + reach * (2.0 * torch.rand(y.shape, generator=generator).to(y) - 1.0)
    for _ in range(steps):
        x = x.clamp(0.0, 1.0).detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(objective(x), x)
        moved = x.detach() + 2.5 * reach / steps * slope.sign()
        x = torch.minimum(torch.maximum(moved, y - reach), y + reach)
    most = math.floor(radius + 1e-6)
    levels = ((x.detach().clamp(0.0, 1.0) - y) * 255.0).round().clamp(-most, most)
    return (y + levels / 255.0).clamp(0.0, 1.0)
