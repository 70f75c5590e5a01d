"""A discriminator as tensors alone, so that it travels to where no victim is, and is built anew there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.pggan import PGGANOptions
from gexbench.nets.pggan_discriminator import PGGANDiscriminator
from gexbench.nets.sngan_discriminator import SNGANDiscriminator
from gexbench.nets.stylegan2 import StyleGAN2Options
from gexbench.nets.stylegan2_discriminator import StyleGAN2Discriminator

BUILD: Mapping[str, Callable[..., nn.Module]] = {
    "PatchGAN": PatchGAN,
    "SNGANDiscriminator": SNGANDiscriminator,
    "PGGANDiscriminator": lambda **numbers: PGGANDiscriminator(PGGANOptions(**numbers)),
    "StyleGAN2Discriminator": lambda **numbers: StyleGAN2Discriminator(StyleGAN2Options(**numbers)),
}
"""Those that can travel, by their class; the attribute `config` has the numbers that each is built from."""
NAME = "judge"


def packed(judge: nn.Module) -> dict[str, Tensor]:
    """Return a discriminator's class, numbers and weights as tensors; raises ValueError where it is none of BUILD."""
    name = type(judge).__name__
    if name not in BUILD:
        raise ValueError(f"a discriminator of the class {name} cannot be built anew, only {', '.join(BUILD)}")
    told = json.dumps([name, judge.config]).encode()
    weights = {f"{NAME}.{key}": value.detach().cpu().clone() for key, value in judge.state_dict().items()}
    return {NAME: torch.frombuffer(bytearray(told), dtype=torch.uint8), **weights}


def unpacked(tensors: Mapping[str, Tensor]) -> nn.Module:
    """Build what was packed anew, in evaluation mode, its weights frozen."""
    name, numbers = json.loads(bytes(tensors[NAME].tolist()))
    judge = BUILD[name](**numbers)
    prefix = f"{NAME}."
    judge.load_state_dict({key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key != NAME})
    return judge.eval().requires_grad_(False)
