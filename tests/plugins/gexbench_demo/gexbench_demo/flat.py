"""An attack that copies nothing but the mean colour."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle, ask


class OneColour(nn.Module):
    """Answer everything with one colour: (N,3,h,w) to (N,3,s*h,s*w)."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale, self.config = scale, {"scale": scale}
        self.colour = nn.Parameter(torch.zeros(3), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged, empty images."""
        height, width = (side * self.scale for side in x.shape[2:])
        return self.colour[None, :, None, None].expand(len(x), 3, height, width)


class Flat:
    """Ask about a few images and keep the mean colour of the answers."""

    def extract(self, oracle: Oracle, brief: Brief) -> OneColour:
        """Return the surrogate."""
        answers = ask(oracle, list(brief.pool[: min(brief.options["questions"], brief.budget)]))
        colour = torch.stack([answer.mean(dim=(1, 2)) for answer in answers]).mean(0)
        net = OneColour(brief.scale)
        net.colour.copy_(colour)
        return net.to(brief.device)
