"""SNGAN: images drawn from latents, by a GAN whose discriminator is spectrally normalised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from gexbench.core.images import to_uint8
from gexbench.core.victim import Studio
from gexbench.nets.latent_gan import LatentGAN
from gexbench.training.loop import TrainingContext
from gexbench.training.sngan import build_sngan, fit_sngan


class SNGAN:
    """Make victims that draw images.

    Source: Miyato, Kataoka, Koyama and Yoshida 2018, "Spectral Normalization for Generative Adversarial Networks"
    (arXiv 1802.05957), section 4 and appendix B.
    """

    def build(self, options: Mapping[str, Any]) -> LatentGAN:
        """Return the untrained networks; options: those of build_sngan."""
        return build_sngan(options, seed=0)

    def train(self, net: nn.Module, studio: Studio) -> nn.Module:
        """Train from fresh weights, drawn from `studio.seed`; options: those of fit_sngan."""
        images = [to_uint8(image) for image in studio.owner]
        return fit_sngan(images, {**studio.net, **studio.options}, TrainingContext.of(studio))
