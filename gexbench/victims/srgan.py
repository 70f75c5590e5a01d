"""SRGAN: super-resolution trained first on pixels, then against a discriminator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import crop_to_multiple, downscale_8bit, to_uint8
from gexbench.core.victim import Studio
from gexbench.nets.initialise import reset, seeded
from gexbench.nets.srgan_discriminator import SRGANDiscriminator
from gexbench.nets.srresnet import SRResNet, SRResNetOptions
from gexbench.nets.vgg import VGG16Features
from gexbench.training import group
from gexbench.training.adversarial import cross_entropy, frozen
from gexbench.training.loop import (
    Loop,
    Stateful,
    TrainingContext,
    autocast,
    cosine_rate,
    derived_seed,
    descend,
    finished,
    run_steps,
    set_rate,
)
from gexbench.training.patches import Pairs
from gexbench.training.super_resolution import PixelPlan, draw_batch, fit_pixels, pixel_loss

VGG_ASSET = "lpips-vgg"


@dataclass(frozen=True)
class SRGANOptions:
    """The `[train]` table of a card; crops are `patch` input pixels a side.

    pretrain_*: phase 1, the pixel loss `loss` ("l1" or "mse") alone. gan_*: phase 2. content_layer: VGG16 layer looked
    through (see VGG16Features); content_weight, adversarial_weight and pixel_weight: weights of the three terms of the
    generator's loss. discriminator_channels: width of its first layer. augment: names of `training.augment`. Learning
    rates fall along half a cosine in each phase.
    """

    patch: int
    pretrain_steps: int
    pretrain_batch: int
    pretrain_lr: float
    gan_steps: int
    gan_batch: int
    gan_lr: float
    content_layer: str
    content_weight: float
    adversarial_weight: float
    pixel_weight: float
    discriminator_channels: int
    loss: str = "l1"
    augment: tuple[str, ...] = ("flip",)

    def pretrain(self) -> PixelPlan:
        """Return the numbers of phase 1."""
        return PixelPlan(
            self.pretrain_steps, self.pretrain_batch, self.patch, self.pretrain_lr, self.loss, tuple(self.augment)
        )

    def adversarial(self) -> PixelPlan:
        """Return what phase 2 draws and how fast it learns."""
        return PixelPlan(self.gan_steps, self.gan_batch, self.patch, self.gan_lr, self.loss, tuple(self.augment))


class SRGAN:
    """Make super-resolution victims.

    Source: Ledig et al. 2017 (arXiv 1609.04802), sections 2.2 and 3.2. Changes: the content loss looks through VGG16
    (VGG19 is not freely at hand); a pixel term can be kept in phase 2, which holds colours and keeps short trainings
    stable; learning rates follow cosines.
    """

    def build(self, options: Mapping[str, Any]) -> SRResNet:
        """Return the untrained generator; options: the fields of SRResNetOptions."""
        return seeded(lambda: SRResNet(SRResNetOptions(**options)), seed=0)

    def train(self, net: nn.Module, studio: Studio) -> nn.Module:
        """Train from fresh weights, drawn from `studio.seed`; options: the fields of SRGANOptions.

        Inputs are the owner's images, shrunk by MATLAB's bicubic and rounded to 8 bits.
        """
        options = SRGANOptions(**studio.options)
        context = TrainingContext.of(studio)
        pairs = owner_pairs(studio.owner, studio.scale)
        reset(net, derived_seed(studio.seed, "generator"))
        fit_pixels(net, pairs, options.pretrain(), context, "pretrain")
        content = VGG16Features(studio.assets[VGG_ASSET], options.content_layer)
        fit_adversarially(net, content, pairs, options, context)
        return finished(net)


def owner_pairs(owner: Sequence[Tensor], scale: int) -> Pairs:
    """Make training pairs from true images, each (3,H,W) float32 in [0,1], by MATLAB's bicubic for 8-bit images."""
    low, high = [], []
    for image in owner:
        true = crop_to_multiple(image, scale)
        low.append(to_uint8(downscale_8bit(true, scale)))
        high.append(to_uint8(true))
    return Pairs(low, high, scale)


def fit_adversarially(
    net: nn.Module, content: nn.Module, pairs: Pairs, options: SRGANOptions, context: TrainingContext
) -> None:
    """Train the generator in place against a fresh discriminator, with the content and the pixel term.

    content: what the content loss looks through.
    """
    judge = seeded(
        lambda: SRGANDiscriminator(options.patch * pairs.scale, options.discriminator_channels),
        derived_seed(context.seed, "discriminator"),
    )
    for member in (net.train(), judge.train(), content):
        member.to(context.device).to(memory_format=torch.channels_last)
    group.join(net, judge)
    makers = torch.optim.Adam(net.parameters(), lr=options.gan_lr)
    judges = torch.optim.Adam(judge.parameters(), lr=options.gan_lr)

    def step(number: int) -> Mapping[str, Tensor]:
        for optimiser in (makers, judges):
            set_rate(optimiser, options.gan_lr * cosine_rate(number, options.gan_steps))
        # numbers go on from phase 1, so that phase 2 draws other crops
        x, y = draw_batch(pairs, options.adversarial(), context, options.pretrain_steps + number)
        with autocast(context):
            made = net(x)
            judged = _judge_loss(judge, y, made.detach())
        descend(judges, judged)
        with frozen([judge]):
            with autocast(context):
                wanted = _maker_losses(judge, content, options, made, y)
            descend(makers, torch.stack(list(wanted.values())).sum())
        return {"discriminator": judged.detach(), **{key: value.detach() for key, value in wanted.items()}}

    state: dict[str, Stateful] = {"net": net, "judge": judge, "makers": makers, "judges": judges}
    fingerprint = context.fingerprint(options, pairs.digest())
    run_steps(step, state, Loop("adversarial", options.gan_steps, fingerprint, context, shared=True))


def _judge_loss(judge: nn.Module, true: Tensor, made: Tensor) -> Tensor:
    real, fake = judge(true), judge(made)
    return cross_entropy(real, real=True) + cross_entropy(fake, real=False)


def _maker_losses(
    judge: nn.Module, content: nn.Module, options: SRGANOptions, made: Tensor, true: Tensor
) -> dict[str, Tensor]:
    with torch.no_grad():
        target = content(true)
    return {
        "content": options.content_weight * F.mse_loss(content(made), target).float(),
        "adversarial": options.adversarial_weight * cross_entropy(judge(made), real=True),
        "pixel": options.pixel_weight * pixel_loss(made, true, options.loss).float(),
    }
