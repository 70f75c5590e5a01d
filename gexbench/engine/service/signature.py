"""Whether a foreign victim is what its card says, seen before the first question."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gexbench.engine.service.foreign_victim import ForeignVictim
from gexbench.errors import PlanError, RunFailed

DRAWN = 4
"""Latents that are tried."""


def check_signature(victim: ForeignVictim, sizes: Sequence[tuple[int, int]]) -> None:
    """Raise PlanError where a victim does not answer as its card says.

    sizes: height and width of the images it will be asked about or has to draw.
    """
    try:
        for height, width in sizes:
            y = _asked(victim, height, width)
            victim.refuse_range(y)
    except RunFailed as error:
        raise PlanError(str(error), error.hint) from None


def pattern(height: int, width: int) -> Tensor:
    """Return an image (1,3,height,width) in [0,1] from black to white: slopes, an edge, a little grain."""
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None]
    grain = torch.rand(height, width, generator=torch.Generator().manual_seed(0)) * 0.1
    planes = (rows.expand(height, width), columns.expand(height, width), ((rows + columns) > 1).float())
    return torch.stack([(0.9 * plane + grain).clamp(0, 1) for plane in planes])[None]


def latents(size: int) -> Tensor:
    """Return standard normal latents (DRAWN,size)."""
    return torch.randn(DRAWN, size, generator=torch.Generator().manual_seed(0))


def _asked(victim: ForeignVictim, height: int, width: int) -> Tensor:
    if victim.card.task_kind != "sampling":
        return victim.raw(pattern(height, width))
    if victim.latent_size is None:
        raise PlanError(
            f"victim {victim.card.name!r} does not say how long its latents are",
            "write a card with latent_size in [net], or give the network an attribute latent_size",
        )
    y = torch.cat([victim.raw(z) for z in latents(victim.latent_size).split(1)])
    if tuple(y.shape[2:]) != (height, width):
        told = f"victim {victim.card.name!r} draws images of {y.shape[3]} x {y.shape[2]}"
        raise PlanError(f"{told}, and this task has {width} x {height}", "give a victim of that size")
    return y
