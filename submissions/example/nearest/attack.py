"""The shortest honest attack: nearest-neighbour enlargement, with colours corrected as the answers say."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle, ask


class NearestNeighbour(nn.Module):
    """Mix the channels of each pixel, then repeat it: (N,3,h,w) to (N,3,s*h,s*w), [0,1]."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale, self.config = scale, {"scale": scale}  # how it is built anew; its weights are loaded then
        self.mix = nn.Parameter(torch.zeros(3, 4), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged images."""
        mixed = F.conv2d(x, self.mix[:, :3, None, None], self.mix[:, 3])
        return F.interpolate(mixed.clamp(0, 1), scale_factor=self.scale, mode="nearest")


class Nearest:
    """Fit 12 numbers by least squares: three colours and a constant in, three colours out."""

    def extract(self, oracle: Oracle, brief: Brief) -> NearestNeighbour:
        """Ask about the first images of the pool and return the surrogate."""
        questions = list(brief.pool[: min(brief.options["questions"], brief.budget)])
        answers = [F.avg_pool2d(answer, brief.scale) for answer in ask(oracle, questions)]
        x, y = _pixels(questions), _pixels(answers)
        mix = torch.linalg.lstsq(torch.cat([x, torch.ones_like(x[:, :1])], dim=1), y).solution.T
        net = NearestNeighbour(brief.scale)
        net.mix.copy_(mix)
        return net.to(brief.device)


def _pixels(images: list[Tensor]) -> Tensor:
    return torch.cat([image.flatten(1).T for image in images]).double()
