"""What a victim answers to its owner, for defenses that are trained on answers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gexbench.core.defense import Place
from gexbench.core.images import crop_to_multiple, downscale_8bit, to_uint8
from gexbench.training.loop import step_generator

DRAWN_AT_ONCE = 64


@torch.no_grad()
def owner_answers(victim: nn.Module, owner: Sequence[Tensor], count: int, place: Place) -> list[Tensor]:
    """Return up to `count` answers (3,H,W) uint8, to owner's images spread evenly, or drawn where the victim draws.

    Where answers are larger than questions, the owner's images are what answers should be, and are shrunk to be asked.
    """
    latents = getattr(victim, "latent_size", None)
    if latents is not None:
        drawn = torch.randn(count, latents, generator=step_generator(place.seed, "owner's answers", 0))
        return [to_uint8(y) for z in drawn.split(DRAWN_AT_ONCE) for y in victim(z.to(place.device)).cpu()]
    answers = []
    for number in range(min(count, len(owner))):
        x = owner[number * len(owner) // min(count, len(owner))]
        if place.scale > 1:
            x = downscale_8bit(crop_to_multiple(x, place.scale), place.scale)
        answers.append(to_uint8(victim(x[None].to(place.device))[0].cpu()))
        place.progress("answers", number + 1, min(count, len(owner)))
    return answers
