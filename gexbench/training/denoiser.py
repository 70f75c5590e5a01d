"""Fit a small net that takes marks and noise out of images, from clean images with made-up marks alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gexbench.core.band_noise import band_noise
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.purify import blur
from gexbench.nets.denoiser import Denoiser
from gexbench.nets.initialise import seeded
from gexbench.training.loop import TrainingContext, derived_seed, finished, step_generator
from gexbench.training.patches import Pairs
from gexbench.training.super_resolution import PixelPlan, fit_pixels

WEAKEST, STRONGEST = 4.0 / 255.0, 10.0 / 255.0
"""Root mean square of made-up noise; ours. Weaker ones teach a net to leave everything as it is."""


def fit_denoiser(images: Sequence[Tensor], steps: int, context: TrainingContext) -> Denoiser:
    """Fit a net to take off what `marked` puts on clean images (3,H,W) uint8; it is returned in evaluation mode.

    First weights, marks and crops depend on `context.seed` alone. Raises ValueError where there are no images.
    """
    draws = step_generator(context.seed, "marks", 0)
    pairs = Pairs([marked(image, draws) for image in images], list(images), 1)
    net = seeded(Denoiser, derived_seed(context.seed, "denoiser"))
    patch = min(32, *(side for image in images for side in image.shape[1:]))
    fit_pixels(net, pairs, PixelPlan(steps, 8, patch, 5e-3, "mse"), context, "denoiser")
    return finished(net)


def marked(image: Tensor, draws: torch.Generator) -> Tensor:
    """Return an image (3,H,W) uint8, sides 8 or more, by chance with noise of an octave, white noise, or blurred."""
    kind = int(torch.randint(4, (1,), generator=draws))
    share, place = torch.rand(2, generator=draws).tolist()
    clean = from_uint8(image)
    if kind == 0:
        return to_uint8(torch.lerp(clean, blur(clean[None])[0], share))
    height, width = image.shape[1:]
    lowest = 2.0 * (min(height, width) / 8.0) ** place
    band = (0.0, float(height + width)) if kind == 1 else (lowest, 2.0 * lowest)
    strength = WEAKEST + share * (STRONGEST - WEAKEST)
    return to_uint8((clean + strength * band_noise(height, width, band, draws)).clamp(0.0, 1.0))


def cleaned(net: Denoiser, images: Sequence[Tensor], context: TrainingContext) -> list[Tensor]:
    """Return images (3,H,W) uint8 of any sizes as the net leaves them."""
    with torch.inference_mode():
        return [to_uint8(net(from_uint8(image)[None].to(context.device))[0].cpu()) for image in images]
