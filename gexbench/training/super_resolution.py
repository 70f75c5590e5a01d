"""Fit a super-resolution network to pairs with a pixel loss; victims, attacks and controls share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.initialise import seeded
from gexbench.nets.srresnet import SRResNet, SRResNetOptions
from gexbench.training import group
from gexbench.training.augment import augment
from gexbench.training.loop import (
    Loop,
    TrainingContext,
    autocast,
    cosine_rate,
    derived_seed,
    descend,
    finished,
    run_steps,
    set_rate,
    step_generator,
)
from gexbench.training.patches import Pairs, draw


@dataclass(frozen=True)
class PixelPlan:
    """How to fit: steps of `batch` crops of `patch` input pixels a side, Adam from `lr` down a cosine.

    loss: "l1" or "mse". augment: names of `training.augment`.
    """

    steps: int
    batch: int
    patch: int
    lr: float
    loss: str = "l1"
    augment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.loss not in ("l1", "mse"):
            raise ValueError(f"loss {self.loss!r} must be 'l1' or 'mse'")


def fit_pixels(net: nn.Module, pairs: Pairs, plan: PixelPlan, context: TrainingContext, name: str = "fit") -> None:
    """Fit `net` in place; it is left in training mode, on the training's device, channels last.

    Goes on from the checkpoint `<name>.ckpt` in `context.workdir` when that was made from the same pairs and numbers.
    """
    net.train().to(context.device).to(memory_format=torch.channels_last)
    group.join(net)
    optimiser = torch.optim.Adam(net.parameters(), lr=plan.lr)

    def step(number: int) -> Mapping[str, Tensor]:
        set_rate(optimiser, plan.lr * cosine_rate(number, plan.steps))
        x, y = draw_batch(pairs, plan, context, number)
        with autocast(context):
            loss = pixel_loss(net(x), y, plan.loss)
        descend(optimiser, loss)
        return {"loss": loss.detach()}

    loop = Loop(name, plan.steps, context.fingerprint(plan, pairs.digest()), context, shared=True)
    run_steps(step, {"net": net, "optimiser": optimiser}, loop)


def fit_srresnet(pairs: Pairs, options: Mapping[str, Any], context: TrainingContext) -> SRResNet:
    """Build an SRResNet, fit it to pairs, and return it in evaluation mode.

    options: blocks, channels, kernel, batch_norm, skip (see SRResNetOptions); steps, batch, patch, lr, loss, augment
    (see PixelPlan). Its first weights, crops and augmentations depend on `context.seed` alone.
    """
    shape = {key: options[key] for key in ("blocks", "channels", "kernel", "batch_norm", "skip")}
    numbers = SRResNetOptions(**shape, scale=pairs.scale)
    plan = PixelPlan(
        **{key: options[key] for key in ("steps", "batch", "patch", "lr", "loss")}, augment=tuple(options["augment"])
    )
    net = seeded(lambda: SRResNet(numbers), derived_seed(context.seed, "weights"))
    fit_pixels(net, pairs, plan, context)
    return finished(net)


def draw_batch(pairs: Pairs, plan: PixelPlan, context: TrainingContext, number: int) -> tuple[Tensor, Tensor]:
    """Draw the augmented crops of one step, or a group's share, onto the training's device, channels last."""
    x, y = draw(pairs, plan.patch, plan.batch, step_generator(context.seed, "crops", number))
    x, y = augment(x, y, plan.augment, step_generator(context.seed, "augment", number))
    x, y = (group.share(part).to(context.device, memory_format=torch.channels_last) for part in (x, y))
    return x, y


def pixel_loss(made: Tensor, wanted: Tensor, kind: str) -> Tensor:
    """Return the mean absolute ("l1") or squared ("mse") difference."""
    return F.l1_loss(made, wanted) if kind == "l1" else F.mse_loss(made, wanted)
