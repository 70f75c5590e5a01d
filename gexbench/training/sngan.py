"""Build an SNGAN and fit it to images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.sngan import SNGANGenerator, SNGANOptions
from gexbench.nets.sngan_discriminator import SNGANDiscriminator
from gexbench.training.latent import fit_gan, seeded_gan
from gexbench.training.loop import TrainingContext


def build_sngan(options: Mapping[str, Any], seed: int) -> LatentGAN:
    """Return an SNGAN with weights drawn from `seed`; options: those of SNGANOptions, and discriminator_channels."""
    shape = dict(options)
    width, numbers = shape.pop("discriminator_channels"), SNGANOptions(**shape)
    return seeded_gan(lambda: SNGANGenerator(numbers), lambda: SNGANDiscriminator(numbers.side, width), seed)


def fit_sngan(images: Sequence[Tensor], options: Mapping[str, Any], context: TrainingContext) -> LatentGAN:
    """Build an SNGAN and fit it to images; as fit_gan.

    Source: Miyato, Kataoka, Koyama and Yoshida 2018 (arXiv 1802.05957), section 4 and appendix B.
    """
    return fit_gan(images, options, context, build_sngan)
