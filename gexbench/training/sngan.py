"""Build an SNGAN and fit it to images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from torch import Tensor

from gexbench.nets.initialise import seeded
from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.sngan import SNGANGenerator, SNGANOptions
from gexbench.nets.sngan_discriminator import SNGANDiscriminator
from gexbench.training.latent import LatentDuel, LatentOptions
from gexbench.training.loop import Place, derived_seed

PLAN = tuple(field.name for field in fields(LatentOptions))


def build_sngan(options: Mapping[str, Any], seed: int) -> LatentGAN:
    """Return an SNGAN with weights drawn from `seed`; options: those of SNGANOptions, and discriminator_channels."""
    numbers = SNGANOptions(**{name: value for name, value in options.items() if name != "discriminator_channels"})
    width = options["discriminator_channels"]
    return LatentGAN(
        seeded(lambda: SNGANGenerator(numbers), derived_seed(seed, "generator")),
        seeded(lambda: SNGANDiscriminator(numbers.side, width), derived_seed(seed, "discriminator")),
    )


def fit_sngan(images: Sequence[Tensor], options: Mapping[str, Any], place: Place) -> LatentGAN:
    """Build an SNGAN, fit it to images (3,side,side) uint8, and return it in evaluation mode.

    options: those of build_sngan but side, which is the images', and the fields of LatentOptions. Its first weights and
    all it draws depend on `place.seed` alone. Source: Miyato, Kataoka, Koyama and Yoshida 2018 (arXiv 1802.05957),
    section 4 and appendix B.
    """
    net = {"side": images[0].shape[-1], **{name: value for name, value in options.items() if name not in PLAN}}
    gan = build_sngan(net, place.seed)
    plan = LatentOptions(**{name: options[name] for name in PLAN})
    LatentDuel(gan.generator, gan.discriminator, plan, place).fit(images)
    return gan.eval()
