"""Give networks their first weights from a seed, without touching the global random state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

Net = TypeVar("Net", bound=nn.Module)
NORMS = (nn.BatchNorm2d, nn.InstanceNorm2d)
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, *NORMS)


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


def gaussian(net: nn.Module, seed: int, std: float = 0.02) -> None:
    """Draw convolutions' weights from N(0, std) and norms' from N(1, std), in place, biases 0, from `seed` alone.

    Weights under a spectral norm, which takes their size away, stay as they were drawn. Source: Radford, Metz and
    Chintala 2016, section 3; Isola et al. 2017, section 6.2; Zhu et al. 2017, section 7.1.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, LAYERS) and module.weight is not None:
            if not is_parametrized(module, "weight"):
                mean = 1.0 if isinstance(module, NORMS) else 0.0
                nn.init.normal_(module.weight, mean, std, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
