"""StyleGAN2: images drawn from latents, by a GAN that styles steer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from gexbench.core.images import to_uint8
from gexbench.core.victim import Studio
from gexbench.nets.latent_gan import LatentGAN
from gexbench.training.loop import TrainingContext
from gexbench.training.stylegan2 import build_stylegan2, fit_stylegan2


class StyleGAN2:
    """Make victims that draw images.

    Source: Karras, Laine, Aittala, Hellsten, Lehtinen and Aila 2020, "Analyzing and Improving the Image Quality of
    StyleGAN" (arXiv 1912.04958).
    """

    def build(self, options: Mapping[str, Any]) -> LatentGAN:
        """Return the untrained networks; options: those of build_stylegan2."""
        return build_stylegan2(options, seed=0)

    def train(self, net: nn.Module, studio: Studio) -> nn.Module:
        """Train from fresh weights, drawn from `studio.seed`; options: those of fit_stylegan2."""
        images = [to_uint8(image) for image in studio.owner]
        return fit_stylegan2(images, {**studio.net, **studio.options}, TrainingContext.of(studio))
