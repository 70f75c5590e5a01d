"""Build a StyleGAN2 and fit it to images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.stylegan2 import StyleGAN2Generator, StyleGAN2Options
from gexbench.nets.stylegan2_discriminator import StyleGAN2Discriminator
from gexbench.training.latent import LatentOptions, LatentTraining, fit_gan, seeded_gan
from gexbench.training.loop import Stateful, TrainingContext, autocast

MIXED = 0.9
SLOPES_EVERY, PATHS_EVERY = 16, 8
PATH_WEIGHT, PATH_DECAY = 2.0, 0.01


@dataclass(frozen=True)
class StyleOptions(LatentOptions):
    """As LatentOptions; r1: the weight of the penalty on the discriminator's slope at real images."""

    r1: float


def build_stylegan2(options: Mapping[str, Any], seed: int) -> LatentGAN:
    """Return a StyleGAN2 with weights drawn from `seed`; options: the fields of StyleGAN2Options."""
    numbers = StyleGAN2Options(**options)
    return seeded_gan(lambda: StyleGAN2Generator(numbers), lambda: StyleGAN2Discriminator(numbers), seed)


def fit_stylegan2(images: Sequence[Tensor], options: Mapping[str, Any], context: TrainingContext) -> LatentGAN:
    """Build a StyleGAN2 and fit it to images, sides a power of two; as fit_gan."""
    return fit_gan(images, options, context, build_stylegan2, StyleGAN2Training)


class StyleGAN2Training(LatentTraining):
    """The saturation-free logistic loss, the penalties R1 and on path lengths each so many steps; the rate stays.

    Source: Karras, Laine, Aittala, Hellsten, Lehtinen and Aila 2020 (arXiv 1912.04958), sections 3.1 and 3.2 and
    appendix B; style mixing as in Karras, Laine and Aila 2019, section 3.1. Unlike in appendix B, Adam's rate
    and momenta are not corrected for how seldom a penalty falls due.
    """

    betas = (0.0, 0.99)
    options_type = StyleOptions
    shared = False  # its discriminator compares the images of a batch, and penalties draw for each

    def __init__(self, gan: LatentGAN, options: StyleOptions, context: TrainingContext, name: str = "fit") -> None:
        super().__init__(gan, options, context, name)
        self._r1, self._paths, self._number = options.r1, _PathLength().to(context.device), 0

    def beside(self) -> Mapping[str, Stateful]:
        """Return the running mean of path lengths."""
        return {"paths": self._paths}

    def prepare(self, number: int) -> None:
        """Note the step, by which penalties fall due."""
        self._number = number

    def rate(self, number: int) -> float:
        """Return 1: the rate stays."""
        return 1.0

    def critic_loss(self, real: Tensor, made: Tensor, draws: torch.Generator) -> Tensor:
        """Return the logistic loss, at times with R1. Source: Mescheder, Geiger and Nowozin 2018, equation 9."""
        with autocast(self.context):
            truth, lie = self.judge(real).float(), self.judge(made).float()
        loss = F.softplus(lie).mean() + F.softplus(-truth).mean()
        if self._number % SLOPES_EVERY:
            return loss
        real = real.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(self.judge(real).sum(), real, create_graph=True)
        # slopes are of images in [-1,1], which the source trains on
        return loss + SLOPES_EVERY * self._r1 / 2.0 * (slope / 2.0).square().sum(dim=(1, 2, 3)).mean()

    def maker_loss(self, latents: Tensor, draws: torch.Generator) -> Tensor:
        """Return the logistic loss, at times with the penalty on path lengths."""
        generator = cast(StyleGAN2Generator, self.net)
        with autocast(self.context):
            logits: Tensor = self.judge(generator.synthesised(self._mixed(generator, latents, draws)))
        loss = F.softplus(-logits.float()).mean()
        if self._number % PATHS_EVERY == 0:
            half = latents[: max(1, len(latents) // 2)]
            loss = loss + PATHS_EVERY * PATH_WEIGHT * self._paths(generator, half, draws)
        return loss

    def _mixed(self, generator: StyleGAN2Generator, latents: Tensor, draws: torch.Generator) -> Tensor:
        """Return styles of which, nine times in ten, the last ones are of other latents."""
        styles = generator.mapped(latents)
        if float(torch.rand((), generator=draws)) >= MIXED:
            return styles
        first = int(torch.randint(1, generator.styles, (), generator=draws))
        others = generator.mapped(torch.randn(latents.shape, generator=draws).to(latents.device))
        return torch.cat([styles[:, :first], others[:, first:]], dim=1)


class _PathLength(nn.Module):
    """The squared distance of path lengths to their running mean. Source: section 3.2, equation 4, and appendix B."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, generator: StyleGAN2Generator, latents: Tensor, draws: torch.Generator) -> Tensor:
        """Return the penalty of latents (N,d), and move the mean."""
        styles = generator.mapped(latents)
        images = 2.0 * generator.synthesised(styles)
        noise = torch.randn(images.shape, generator=draws).to(images.device) / math.sqrt(images.shape[-1] ** 2)
        (slope,) = torch.autograd.grad((images * noise).sum(), styles, create_graph=True)
        lengths = slope.square().sum(dim=2).mean(dim=1).sqrt()
        with torch.no_grad():
            self.mean.lerp_(lengths.mean(), PATH_DECAY)
        penalty: Tensor = (lengths - self.mean).square().mean()
        return penalty
