"""Fit an SNGAN to images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from gexbench.nets.initialise import seeded
from gexbench.nets.sngan import SNGANGenerator, SNGANOptions
from gexbench.nets.sngan_discriminator import SNGANDiscriminator
from gexbench.training.latent import LatentDuel, LatentOptions
from gexbench.training.loop import Place, derived_seed


def fit_sngan(images: Sequence[Tensor], net: SNGANOptions, options: Mapping[str, Any], place: Place) -> SNGANGenerator:
    """Build an SNGAN, fit it to images (3,side,side) uint8, and return its generator in evaluation mode.

    options: discriminator_channels, and the fields of LatentOptions. Its first weights and all it draws depend on
    `place.seed` alone. Source: Miyato, Kataoka, Koyama and Yoshida 2018 (arXiv 1802.05957), section 4 and appendix B.
    """
    width = options["discriminator_channels"]
    generator = seeded(lambda: SNGANGenerator(net), derived_seed(place.seed, "generator"))
    judge = seeded(lambda: SNGANDiscriminator(net.side, width), derived_seed(place.seed, "discriminator"))
    plan = LatentOptions(**{key: options[key] for key in ("steps", "batch", "critics", "lr", "average")})
    LatentDuel(generator, judge, plan, place).fit(images)
    return generator
