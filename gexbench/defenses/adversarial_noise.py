"""Output perturbation: noise that moves what a fixed network sees in an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.defense import Defense, History
from gexbench.training.ascent import ascended

SEED = 2021
WIDTHS = (3, 16, 32, 64)


class AdversarialNoise(Defense):
    """Move every answer by a few 8-bit steps so that a fixed network's features of it change most.

    Options `eps`, the bound on every pixel's change in 8-bit steps, and `steps` of the ascent. The network has three
    layers with weights drawn from a fixed seed, so it is the same to the bit everywhere and needs no download; features
    of such nets tell edges and textures, though not objects. Each layer counts by how far it moves in shares of its own
    size. The noise starts from chance that belongs to the question. Source: output perturbation, Hu and Pang 2021 (doi
    10.1145/3485832.3485838), section 8, of which only a summary was at hand; network, objective and strengths are ours.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._net = RandomFeatures()

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y moved; shapes and range as in Defense.guard_output."""
        moved = _moved(self._net.to(y.device), y)
        return ascended(y, moved, float(self.options["eps"]), int(self.options["steps"]), history.generator)


class RandomFeatures(nn.Module):
    """See images through three layers of random weights: (N,3,H,W) in [0,1] to a tensor for each layer."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(SEED)
        for layer, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
            weight = torch.randn(outputs, inputs, 3, 3, generator=generator) * (2.0 / (9 * inputs)) ** 0.5
            self.register_buffer(f"weight{layer}", weight)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the features; the sides are halved before each layer but the first."""
        seen, y = list[Tensor](), 2.0 * x - 1.0
        for layer, weight in enumerate(self.buffers()):
            y = F.leaky_relu(F.conv2d(y, weight, stride=1 if layer == 0 else 2, padding=1), 0.2)
            seen.append(y)
        return seen


def _moved(net: RandomFeatures, y: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what says how far features are from those of y."""
    with torch.no_grad():
        clean = net(y)

    def objective(x: Tensor) -> Tensor:
        pairs = zip(net(x), clean, strict=True)
        return torch.stack([F.mse_loss(a, b) / b.square().mean().clamp_min(1e-12) for a, b in pairs]).sum()

    return objective
