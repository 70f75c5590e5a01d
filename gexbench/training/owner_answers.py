"""What a victim answers to its owner, for defenses that are trained on answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gexbench.core.defense import Place
from gexbench.core.images import crop_to_multiple, downscale_8bit, to_uint8
from gexbench.training.loop import step_generator

DRAWN_AT_ONCE = 64


@dataclass(frozen=True)
class Answered:
    """Questions (3,h,w), none where the victim draws, and answers (3,H,W), all uint8."""

    questions: Sequence[Tensor]
    answers: Sequence[Tensor]


@torch.no_grad()
def owner_answers(victim: nn.Module, owner: Sequence[Tensor], count: int, place: Place) -> Answered:
    """Return up to `count` answers, to owner's images spread evenly, or drawn where the victim draws.

    Where answers are larger than questions, the owner's images are what answers should be, and are shrunk to be asked.
    """
    latents = getattr(victim, "latent_size", None)
    if latents is not None:
        drawn = torch.randn(count, latents, generator=step_generator(place.seed, "owner's answers", 0))
        return Answered((), [to_uint8(y) for z in drawn.split(DRAWN_AT_ONCE) for y in victim(z.to(place.device)).cpu()])
    count, questions, answers = min(count, len(owner)), list[Tensor](), list[Tensor]()
    for number in range(count):
        x = owner[number * len(owner) // count]
        if place.scale > 1:
            x = downscale_8bit(crop_to_multiple(x, place.scale), place.scale)
        questions.append(to_uint8(x))
        answers.append(to_uint8(victim(x[None].to(place.device))[0].cpu()))
        place.progress("answers", number + 1, count)
    return Answered(questions, answers)
