"""Fit a generator to pairs of latents and images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gexbench.core.images import from_uint8
from gexbench.training.adversarial import difference
from gexbench.training.loop import (
    Loop,
    TrainingContext,
    autocast,
    cosine_rate,
    descend,
    finished,
    run_steps,
    set_rate,
    step_generator,
)
from gexbench.training.patches import pixel_digest


@dataclass(frozen=True)
class RegressionOptions:
    """How many steps, pairs a step, and the first learning rate of Adam, which falls along half a cosine to zero."""

    steps: int
    batch: int
    lr: float


def fit_regression(
    net: nn.Module, latents: Tensor, images: Sequence[Tensor], plan: RegressionOptions, context: TrainingContext
) -> None:
    """Fit `net` to give images (3,side,side) uint8 from their latents (N,d), by the mean absolute difference.

    Goes on from a checkpoint of the same pairs and numbers; leaves the net in evaluation mode. What is drawn depends on
    `context.seed` alone.
    """
    bank = torch.stack(list(images))
    net.train().to(context.device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=plan.lr, fused=True)

    def step(number: int) -> Mapping[str, Tensor]:
        set_rate(optimiser, plan.lr * cosine_rate(number, plan.steps))
        which = torch.randint(len(bank), (plan.batch,), generator=step_generator(context.seed, "pairs", number))
        wanted = from_uint8(bank[which]).to(context.device, memory_format=torch.channels_last)
        with autocast(context):
            made = net(latents[which].to(context.device))
        loss = difference(made, wanted)
        descend(optimiser, loss)
        return {"l1": loss.detach()}

    loop = Loop("fit", plan.steps, context.fingerprint(plan, pixel_digest(images)), context)
    run_steps(step, {"net": net, "optimiser": optimiser}, loop)
    finished(net)
