"""Fit a discriminator to tell images from those that a finished network makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gexbench.nets.initialise import seeded
from gexbench.nets.patchgan import PatchGAN
from gexbench.training.adversarial import adam, cross_entropy
from gexbench.training.loop import (
    Loop,
    TrainingContext,
    autocast,
    descend,
    finished,
    run_steps,
    step_generator,
)
from gexbench.training.patches import draw_crops, pixel_digest

CHANNELS, SIDE, BATCH, LR = 32, 64, 8, 1e-3


def fit_judge(real: Sequence[Tensor], made: Sequence[Tensor], steps: int, context: TrainingContext) -> PatchGAN:
    """Return a PatchGAN whose logits are above 0 where it takes a patch to be of a real image, by cross entropy.

    real, made: images (3,H,W) uint8, all sides 24 pixels or more. Crops of 64, or the smallest side, are drawn from
    both by the same chance: where both are as many and as large, from the same places, so that a network that makes
    images much like the real ones is told by what it makes of them. Goes on from a checkpoint in `context.workdir`.
    """
    net = seeded(lambda: PatchGAN(channels=CHANNELS), context.seed)
    net.train().to(context.device)
    optimiser = adam([net], LR)
    side = min(SIDE, *(length for image in (*real, *made) for length in image.shape[-2:]))

    def step(number: int) -> Mapping[str, Tensor]:
        chances = (step_generator(context.seed, "judge", number) for _ in range(2))
        crops = [draw_crops(images, side, BATCH, chance) for images, chance in zip((real, made), chances, strict=True)]
        with autocast(context):
            truth, lie = net(torch.cat(crops).to(context.device)).chunk(2)
        loss = (cross_entropy(truth, real=True) + cross_entropy(lie, real=False)) / 2.0
        descend(optimiser, loss)
        return {"judge": loss.detach()}

    pixels = f"{pixel_digest(real)} {pixel_digest(made)}"
    fingerprint = context.fingerprint((steps, CHANNELS, side, BATCH, LR), pixels)
    run_steps(step, {"judge": net, "optimiser": optimiser}, Loop("judge", steps, fingerprint, context))
    return finished(net)
