"""A surrogate, asked and described."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gexbench.core.attack import Surrogate
from gexbench.engine.kinds.kind import TaskKind
from gexbench.engine.wire.messages import StartAttack, StartSurrogate
from gexbench.engine.wire.questions import LONGEST_LATENT

LARGEST_ANSWER = 1 << 27
"""Bytes of an answer to the probe; one that is larger is not given."""


def infer(kind: TaskKind, surrogate: Surrogate, x: Tensor) -> Tensor:
    """Return a surrogate's raw output as float32 on the CPU; x: what its task's kind asks it, as it travels."""
    with torch.inference_mode():
        y = kind.infer(surrogate, x)
    if not isinstance(y, Tensor):
        raise TypeError(f"the surrogate returned {type(y).__name__}, not a tensor")
    return y.detach().float().cpu().contiguous()


class Asked:
    """A surrogate ready to be asked: on its device, modules in evaluation mode, torch's generator seeded."""

    def __init__(self, kind: TaskKind, surrogate: Surrogate, order: StartAttack | StartSurrogate) -> None:
        self._kind, self._device = kind, torch.device(order.device)
        self._surrogate = surrogate.to(self._device).eval() if isinstance(surrogate, nn.Module) else surrogate
        torch.manual_seed(order.seed)

    def infer(self, x: Tensor) -> Tensor:
        """Return the raw output; see infer."""
        return infer(self._kind, self._surrogate, x.to(self._device))


def latent_size(surrogate: Surrogate) -> int | None:
    """Return the length of the latents a surrogate takes; None where it takes images or does not say."""
    size = getattr(surrogate, "latent_size", None)
    return size if type(size) is int and 1 <= size <= LONGEST_LATENT else None
