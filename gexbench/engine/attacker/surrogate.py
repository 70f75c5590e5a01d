"""A surrogate, asked and described."""

from __future__ import annotations

import torch
from torch import Tensor

from gexbench.core.attack import Surrogate
from gexbench.engine.kinds.kind import TaskKind
from gexbench.engine.wire.questions import LONGEST_LATENT


def infer(kind: TaskKind, surrogate: Surrogate, x: Tensor) -> Tensor:
    """Return a surrogate's raw output as float32 on the CPU; x: what its task's kind asks it, as it travels."""
    with torch.inference_mode():
        y = kind.infer(surrogate, x)
    if not isinstance(y, Tensor):
        raise TypeError(f"the surrogate returned {type(y).__name__}, not a tensor")
    return y.detach().float().cpu().contiguous()


def latent_size(surrogate: Surrogate) -> int | None:
    """Return the length of the latents a surrogate takes; None where it takes images or does not say."""
    size = getattr(surrogate, "latent_size", None)
    return size if type(size) is int and 1 <= size <= LONGEST_LATENT else None
