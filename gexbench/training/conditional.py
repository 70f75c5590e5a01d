"""Fit a generator to pairs against a discriminator that sees input and output together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gexbench.errors import PlanError
from gexbench.nets.initialise import gaussian, seeded
from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.unet import UNet, UNetOptions
from gexbench.training import group
from gexbench.training.adversarial import adam, cross_entropy, descend_flat, difference, frozen, linear_rate
from gexbench.training.loop import (
    Loop,
    Stateful,
    TrainingContext,
    autocast,
    cosine_rate,
    derived_seed,
    descend,
    drawing,
    finished,
    run_steps,
    set_rate,
)
from gexbench.training.patches import Pairs
from gexbench.training.super_resolution import PixelPlan, draw_batch
from gexbench.training.wavelets import high_frequency_loss

LEAST_CROP = 24


@dataclass(frozen=True)
class ConditionalOptions:
    """How a U-Net is fitted to pairs.

    depth, channels, dropout, norm: see UNetOptions. discriminator_channels: width of the discriminator's first layer.
    crop: side of the crops in pixels, a multiple of 2^depth, 24 or more; 0 takes images whole. lr: of Adam, first the
    whole, in the second half down a line; down half a cosine where there is a wavelet term. l1_weight: of the pixel
    loss, taken on [-1,1]. wavelet_weight: of the loss on high frequencies, which comes in as the rate falls. sam_rho:
    radius of the discriminator's sharpness-aware steps; 0 for plain ones. augment: names of `training.augment`. Raises
    PlanError on smaller crops, of which the discriminator makes nothing.
    """

    depth: int
    channels: int
    dropout: float
    discriminator_channels: int
    steps: int
    batch: int
    crop: int
    lr: float
    l1_weight: float
    norm: str = "instance"
    wavelet_weight: float = 0.0
    sam_rho: float = 0.0
    augment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if 0 < self.crop < LEAST_CROP:
            told = f"crops of {self.crop} pixels are too small for the discriminator"
            raise PlanError(told, f"crop = {LEAST_CROP} or more, or 0 for whole images")

    def draws(self) -> PixelPlan:
        """Return what one step draws."""
        return PixelPlan(self.steps, self.batch, self.crop, self.lr, "l1", self.augment)

    def rate(self, number: int) -> float:
        """Return the factor on the learning rate at a step."""
        return (cosine_rate if self.wavelet_weight else linear_rate)(number, self.steps)


def fit_conditional(pairs: Pairs, options: ConditionalOptions, context: TrainingContext) -> UNet:
    """Fit a U-Net to pairs of square images of one size and return it in evaluation mode.

    Its first weights, crops, augmentations and dropped values depend on `context.seed` alone. Source: Isola, Zhu, Zhou
    and Efros 2017 (arXiv 1611.07004), sections 3 and 6.2.
    """
    options = replace(options, crop=options.crop or pairs.low[0].shape[-1])
    numbers = UNetOptions(options.depth, options.channels, options.dropout, options.norm)
    net = seeded(lambda: UNet(numbers), derived_seed(context.seed, "weights"))
    ConditionalTraining(net, options, context).fit(pairs)
    return finished(net)


class ConditionalTraining:
    """The generator and its discriminator."""

    def __init__(self, net: nn.Module, options: ConditionalOptions, context: TrainingContext) -> None:
        self.net, self.options, self.context = net, options, context
        self.judge = seeded(lambda: PatchGAN(6, options.discriminator_channels, norm="batch"), context.seed)
        # on a CPU, Adam and the gradients of layers that double the sides would copy weights laid out channels last
        layout = torch.channels_last if context.device.type == "cuda" else torch.preserve_format
        for name, member in (("generator", net), ("discriminator", self.judge)):
            gaussian(member, derived_seed(context.seed, name))
            member.train().to(context.device).to(memory_format=layout)
        group.join(net, self.judge)
        self.makers, self.critics = adam([net], options.lr), adam([self.judge], options.lr)

    def fit(self, pairs: Pairs) -> None:
        """Train both, going on from a checkpoint of the same pairs and numbers."""
        state: dict[str, Stateful] = {"net": self.net, "judge": self.judge}
        state |= {"makers": self.makers, "critics": self.critics}
        fingerprint = self.context.fingerprint(self.options, pairs.digest())
        loop = Loop("fit", self.options.steps, fingerprint, self.context, shared=True)
        run_steps(lambda number: self.step(pairs, number), state, loop)

    def step(self, pairs: Pairs, number: int) -> Mapping[str, Tensor]:
        """Do one step of both and return their losses, detached."""
        for optimiser in (self.makers, self.critics):
            set_rate(optimiser, self.options.lr * self.options.rate(number))
        x, y = draw_batch(pairs, self.options.draws(), self.context, number)
        seed = derived_seed(self.context.seed, "dropout", number)
        with drawing(seed, self.context.device), autocast(self.context):
            made = self.net(x)

        def judged() -> Tensor:
            with autocast(self.context):
                truth, lie = (self.judge(torch.cat([x, image], dim=1)) for image in (y, made.detach()))
            return (cross_entropy(truth, real=True) + cross_entropy(lie, real=False)) / 2.0

        seen = descend_flat(self.critics, judged, self.options.sam_rho)
        with frozen([self.judge]):
            losses = self._maker_losses(x, y, made, number)
            descend(self.makers, torch.stack(list(losses.values())).sum())
        return {"discriminator": seen, **{name: loss.detach() for name, loss in losses.items()}}

    def _maker_losses(self, x: Tensor, y: Tensor, made: Tensor, number: int) -> dict[str, Tensor]:
        options = self.options
        with autocast(self.context):
            logits = self.judge(torch.cat([x, made], dim=1))
        losses = {
            "adversarial": cross_entropy(logits, real=True),
            "l1": options.l1_weight * difference(made, y),
        }
        if options.wavelet_weight:
            # nothing at the first step, all of it at the last; twice, since the source's images span [-1,1]
            weight = options.wavelet_weight * (1.0 - options.rate(number))
            losses["wavelet"] = 2.0 * weight * high_frequency_loss(made, y)
        return losses
