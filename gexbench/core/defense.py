"""What a defense may do, before deployment, while answering, and after the theft."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

MOMENTS = ("harden", "guard_input", "guard_latent", "guard_output")
"""The methods of a Defense that act on a service, in the order they are called."""


@dataclass(frozen=True)
class History:
    """What the service knows as it answers: how many questions it has answered before, and a generator of chance.

    It tells its clients not apart, honest users and attackers alike. The generator depends on the run's seed and the
    question alone, so the same question gets the same answer after a restart.
    """

    answered: int
    generator: torch.Generator


@dataclass(frozen=True)
class Verdict:
    """A defense's claim about a suspect: higher score, surer that it was copied; threshold set on innocents."""

    score: float
    threshold: float
    stolen: bool


class Defense:
    """What is done to a victim, to what it is fed and to what leaves; each moment is a no-op unless overridden."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options

    def harden(self, victim: nn.Module, owner: Sequence[Tensor]) -> nn.Module:
        """Return the victim to deploy."""
        return victim

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        """Return the image that is really fed to a victim that takes images; x: (1,3,h,w) float32 in [0,1]."""
        return x

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        """Return the latent that is really fed to a victim that draws; z: (1,d) float32, standard normal."""
        return z

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return what leaves; y: (1,3,H,W) float32 in [0,1].

        x: what the victim was asked, an image (1,3,h,w) float32 in [0,1], or where it draws the latent (1,d).
        """
        return y

    def verify(self, suspect: Callable[[Tensor], Tensor], innocents: Sequence[Callable[[Tensor], Tensor]]) -> Verdict:
        """Say whether the suspect is derived from this victim; the default makes no claim."""
        return Verdict(score=0.0, threshold=float("inf"), stolen=False)
