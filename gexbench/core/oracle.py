"""The only door to a victim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Samples:
    """What a service drew: images (N,3,H,W) float32 in [0,1], on the CPU.

    latents: (N,d) float32, standard normal, what the images were made from; only where the task grants the knowledge
    `latents` and the attack's card asks for it, else None.
    """

    images: Tensor
    latents: Tensor | None = None


class Oracle(Protocol):
    """Answer questions to a victim and count them; one image is one question.

    A service either takes images (`query`) or draws them (`sample`), as its task's kind says. Images are float32 RGB in
    [0,1] and travel as 8-bit images, as through a real API. What was already paid for in this run is given again from
    the ledger at no cost.
    """

    budget: int

    @property
    def remaining(self) -> int:
        """Return how many images may still be asked about, or drawn."""
        ...

    def query(self, x: Tensor) -> Tensor:
        """Ask the victim about a batch.

        x: (N,3,h,w) float32 in [0,1]. Returns (N,3,s*h,s*w) on the CPU, where s is the task's scale.
        Raises BudgetError when the batch would go over the budget (nothing is answered, nothing is charged), QueryError
        when x is not a batch of images the task takes or the oracle has closed.
        """
        ...

    def sample(self, n: int) -> Samples:
        """Have the victim draw `n` new images, from latents of its own choice.

        Asked again after a restart it gives the same images in the same order. Raises BudgetError when they would go
        over the budget (nothing is drawn, nothing is charged), QueryError when the task's service takes images, n is
        not a whole number from 1 to what fits in one answer, or the oracle has closed.
        """
        ...


def ask(oracle: Oracle, images: Sequence[Tensor], batch: int = 16) -> list[Tensor]:
    """Ask about images of mixed sizes, in batches of one size; answers come in the order of the images.

    images: each (3,h,w) float32 in [0,1]. Raises what Oracle.query raises.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault(tuple(image.shape), []).append(index)
    answers: dict[int, Tensor] = {}
    for members in groups.values():
        for start in range(0, len(members), batch):
            part = members[start : start + batch]
            answers.update(zip(part, oracle.query(torch.stack([images[i] for i in part])), strict=True))
    return [answers[i] for i in range(len(images))]
