"""PGGAN: images drawn from latents, by a GAN that grows while it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from gexbench.core.images import to_uint8
from gexbench.core.victim import Studio
from gexbench.nets.latent_gan import LatentGAN
from gexbench.training.loop import TrainingContext
from gexbench.training.pggan import build_pggan, fit_pggan


class PGGAN:
    """Make victims that draw images.

    Source: Karras, Aila, Laine and Lehtinen 2018, "Progressive Growing of GANs for Improved Quality, Stability, and
    Variation" (arXiv 1710.10196).
    """

    def build(self, options: Mapping[str, Any]) -> LatentGAN:
        """Return the untrained networks; options: those of build_pggan."""
        return build_pggan(options, seed=0)

    def train(self, net: nn.Module, studio: Studio) -> nn.Module:
        """Train from fresh weights, drawn from `studio.seed`; options: those of fit_pggan."""
        images = [to_uint8(image) for image in studio.owner]
        return fit_pggan(images, {**studio.net, **studio.options}, TrainingContext.of(studio))
