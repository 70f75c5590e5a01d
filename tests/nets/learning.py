"""What networks are shown in tests, and whether they learn from it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


def images(count: int, side: int, seed: int = 0) -> Tensor:
    """Return noise in [0,1], (count,3,side,side)."""
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Return standard normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def blocks(x: Tensor, size: int = 8) -> Tensor:
    """Return images of blocks, each of the colour of its first pixel in x."""
    return x[..., ::size, ::size].repeat_interleave(size, -1).repeat_interleave(size, -2)


def count(*parts: Any) -> int:
    """Return how many parameters modules and tensors have together."""
    return sum(p.numel() for part in parts for p in (part.parameters() if isinstance(part, nn.Module) else [part]))


def share_left(net: nn.Module, x: Tensor, wanted: Tensor, steps: int, lr: float) -> float:
    """Fit a net to one batch by L1 and return the share of the first loss that is left."""
    optimiser = torch.optim.Adam(net.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        loss = (net(x) - wanted).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses[-1] / losses[0]


def told_apart(judge: nn.Module, real: Tensor, made: Tensor, steps: int, lr: float) -> tuple[Tensor, Tensor]:
    """Train a discriminator on one batch of each kind and return its logits of both."""
    optimiser = torch.optim.Adam(judge.parameters(), lr=lr)
    for _ in range(steps):
        loss = softplus(-judge(real)).mean() + softplus(judge(made)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return judge(real), judge(made)
