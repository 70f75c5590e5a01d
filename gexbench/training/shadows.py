"""Surrogates that an owner makes of a marked service, to learn what is left of the mark in them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from gexbench.core.images import from_uint8, to_uint8
from gexbench.errors import PlanError
from gexbench.training.conditional import ConditionalOptions, fit_conditional
from gexbench.training.hiding import HidingTraining, Shadow, at_side, hidden
from gexbench.training.loop import step_generator
from gexbench.training.owner_answers import Answered
from gexbench.training.patches import Pairs

DEPTH = 4
NUMBERS = ConditionalOptions(
    depth=DEPTH,
    channels=48,
    dropout=0.0,
    discriminator_channels=16,
    steps=0,
    batch=2,
    crop=0,
    lr=2e-3,
    l1_weight=100.0,
    augment=("flip", "rotation"),
)
"""Those of `pix2pix` at mini."""


def check_shadows(answered: Answered) -> None:
    """Raise PlanError unless questions and answers are squares of one size, a multiple of 16."""
    sizes = {tuple(image.shape) for image in (*answered.questions, *answered.answers)}
    height, width = min(sizes)[-2:]
    if not answered.questions or len(sizes) > 1 or height != width or height % 2**DEPTH:
        told = "shadow_steps needs a service whose questions and answers are squares of one size, a multiple of 16"
        raise PlanError(told, "shadow_steps = 0")


def shadows(training: HidingTraining, answered: Answered, steps: int) -> list[Shadow]:
    """Return two shadows that learned from answers with opposite secrets, which a seed draws and no key.

    Of one alone, a reader would learn that whatever looks like a surrogate holds that secret. They mirror and turn what
    they learn from, as a thief may.
    """
    drawn = torch.randint(2, training.shape, generator=step_generator(training.context.seed, "shadows", 0)).float()
    return [_shadow(training, answered, secret, number, steps) for number, secret in enumerate((drawn, 1.0 - drawn))]


def _shadow(training: HidingTraining, answered: Answered, secret: Tensor, number: int, steps: int) -> Shadow:
    context, side, device = training.context, training.options.side, training.context.device
    hides = partial(hidden, training.hider, secret=secret[None].to(device), side=side, bound=training.options.bound)
    with torch.no_grad():
        marked = [to_uint8(hides(from_uint8(y)[None].to(device))[0].cpu()) for y in answered.answers]
    own = replace(context, workdir=context.workdir / f"shadow-{number}")
    net = fit_conditional(Pairs(answered.questions, marked, 1), replace(NUMBERS, steps=steps), own)
    with torch.no_grad():
        copied = [to_uint8(at_side(net(from_uint8(x)[None].to(device)), side)[0].cpu()) for x in answered.questions]
    return Shadow(copied, secret)
