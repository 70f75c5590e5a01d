"""Build a PGGAN and fit it to images, growing from 4 pixels to their side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.pggan import Growing, PGGANGenerator, PGGANOptions
from gexbench.nets.pggan_discriminator import PGGANDiscriminator
from gexbench.training.latent import LatentOptions, LatentTraining, fit_gan, seeded_gan
from gexbench.training.loop import TrainingContext, autocast

PENALTY, DRIFT = 10.0, 0.001


def build_pggan(options: Mapping[str, Any], seed: int) -> LatentGAN:
    """Return a PGGAN, full grown, with weights drawn from `seed`; options: the fields of PGGANOptions."""
    numbers = PGGANOptions(**options)
    return seeded_gan(lambda: PGGANGenerator(numbers), lambda: PGGANDiscriminator(numbers), seed)


def fit_pggan(images: Sequence[Tensor], options: Mapping[str, Any], context: TrainingContext) -> LatentGAN:
    """Build a PGGAN and fit it to images, sides a power of two; as fit_gan.

    Source: Karras, Aila, Laine and Lehtinen 2018 (arXiv 1710.10196), section 2 and appendix A.
    """
    return fit_gan(images, options, context, build_pggan, PGGANTraining)


class PGGANTraining(LatentTraining):
    """WGAN-GP with a drift term, each level first blended in, then trained, all phases equally long; the rate stays.

    Source: as fit_pggan; the paper's phases are 800,000 images each.
    """

    betas = (0.0, 0.99)
    shared = False  # its discriminator compares the images of a batch, and penalties draw for each

    def __init__(self, gan: LatentGAN, options: LatentOptions, context: TrainingContext, name: str = "fit") -> None:
        super().__init__(gan, options, context, name)
        self._growing = [cast(Growing, member) for member in dict.fromkeys((self.net, self.judge, self.mean))]
        self._levels = self._growing[0].side.bit_length() - 2

    def fit(self, images: Sequence[Tensor]) -> None:
        """Train both, see LatentTraining.fit; at the end they are full grown."""
        super().fit(images)
        for member in self._growing:
            member.grow(member.side)

    def prepare(self, number: int) -> None:
        """Grow as far as the step asks for; from the last phase on all levels are there."""
        phase, within = divmod(number * (2 * self._levels - 1) / self.options.steps, 1.0)
        level, stable = divmod(int(phase) + 1, 2)
        for member in self._growing:
            member.grow(4 * 2**level, 1.0 if stable else within)

    def rate(self, number: int) -> float:
        """Return 1: the rate stays."""
        return 1.0

    def shown(self, real: Tensor) -> Tensor:
        """Return real images at the side grown to, blended with what the level below would show."""
        grown, blend = self._growing[0].grown, self._growing[0].blend
        small = F.avg_pool2d(real, real.shape[-1] // grown)
        if blend == 1.0:
            return small
        return F.interpolate(F.avg_pool2d(small, 2), scale_factor=2.0).lerp(small, blend)

    def critic_loss(self, real: Tensor, made: Tensor, draws: torch.Generator) -> Tensor:
        """Return the Wasserstein loss with its penalties. Source: Gulrajani et al. 2017 (arXiv 1704.00028), eq. 3."""
        with autocast(self.context):
            truth, lie = self.judge(real).float(), self.judge(made).float()
        mix = torch.rand(len(real), 1, 1, 1, generator=draws).to(real.device)
        between = real.lerp(made, mix).requires_grad_(True)
        (slope,) = torch.autograd.grad(self.judge(between).sum(), between, create_graph=True)
        # slopes are of images in [-1,1], which the source trains on
        steep = ((slope / 2.0).flatten(1).norm(dim=1) - 1.0).square().mean()
        loss: Tensor = lie.mean() - truth.mean() + PENALTY * steep + DRIFT * truth.square().mean()
        return loss
