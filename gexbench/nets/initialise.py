"""Give networks their first weights from a seed, without touching the global random state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module)


def seeded(build: Callable[[], Net], seed: int) -> Net:
    """Build a network whose first weights depend on `seed` alone; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()


def reset(net: nn.Module, seed: int) -> None:
    """Draw the weights of a network again, in place, from `seed` alone.

    Acts on every submodule that has `reset_parameters`; parameters of other modules stay as they are.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for module in net.modules():
            if callable(fresh := getattr(module, "reset_parameters", None)):
                fresh()
