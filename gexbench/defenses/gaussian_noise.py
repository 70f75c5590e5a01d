"""Output perturbation: noise on every answer."""

from __future__ import annotations

import torch
from torch import Tensor

from gexbench.core.defense import Defense, History


class GaussianNoise(Defense):
    """Add independent normal noise to every pixel of an answer, and clamp.

    Option `sigma`: its standard deviation in 8-bit steps. The noise belongs to the run's key and the question: the
    same question gets the same noise, and who knows the seed cannot draw it and take it off. Questions that differ a
    little get other noise, so that averaging their answers takes it off (option `jitter` of every attack). Source:
    output perturbation, Hu and Pang 2021 (doi 10.1145/3485832.3485838), section 8, of which only a summary was at
    hand; noise and sigma are ours.
    """

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y plus noise, clamped to [0,1]; shapes as in Defense.guard_output."""
        noise = torch.randn(y.shape, generator=history.generator).to(y)
        return (y + noise * (float(self.options["sigma"]) / 255.0)).clamp(0.0, 1.0)
