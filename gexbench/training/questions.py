"""Which images of a pool an attack or a control uses."""

from __future__ import annotations

import torch

from gexbench.core.attack import Brief
from gexbench.training.loop import step_generator


def chosen(brief: Brief, count: int) -> list[int]:
    """Return indices into `brief.pool`, `count` of them or all there are, in an order drawn from `brief.seed`.

    The same seed gives the same order, so a larger count adds to a smaller one, and a control uses what an attack asks.
    """
    order = torch.randperm(len(brief.pool), generator=step_generator(brief.seed, "questions", 0))
    return [int(index) for index in order[:count]]
