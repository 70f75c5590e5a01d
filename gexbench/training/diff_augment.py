"""Show a discriminator changed images, real and made ones alike, so that few real ones last longer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BRIGHTNESS, SATURATION, CONTRAST = 0.25, 1.0, 0.5
SHIFT, CUT = 1.0 / 8.0, 1.0 / 2.0
GREY = 0.5


class AugmentedDiscriminator(nn.Module):
    """Judge images after a change drawn for each of them from torch's global generator, through which gradients go.

    Takes and returns what `judge` does: images (N,3,side,side) in [0,1] to logits (N,1). Source: Zhao, Liu, Lin, Zhu
    and Han 2020, Differentiable Augmentation for Data-Efficient GAN Training (arXiv 2006.10738), section 3.2, with all
    three kinds of change.
    """

    def __init__(self, judge: nn.Module) -> None:
        super().__init__()
        self.judge = judge

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of the changed images."""
        logits: Tensor = self.judge(cut_out(shifted(recoloured(images))))
        return logits


def recoloured(images: Tensor) -> Tensor:
    """Return images (N,3,h,w) each of another brightness, saturation and contrast; values may leave [0,1]."""
    brightness, saturation, contrast = _draw(images, 3).unbind(1)
    y = images + BRIGHTNESS * brightness
    grey = y.mean(dim=1, keepdim=True)
    y = grey + (1.0 + SATURATION * saturation) * (y - grey)
    level = y.mean(dim=(1, 2, 3), keepdim=True)
    return level + (1.0 + CONTRAST * contrast) * (y - level)


def shifted(images: Tensor) -> Tensor:
    """Return images each moved by up to an eighth of its sides, with grey coming in."""
    side = images.shape[-1]
    most = round(SHIFT * side)
    steps = torch.randint(-most, most + 1, (2, len(images), 1), device=images.device)
    down, across = (steps + torch.arange(side, device=images.device)).unbind(0)
    inside = ((down >= 0) & (down < side))[:, None, :, None] & ((across >= 0) & (across < side))[:, None, None, :]
    rows, columns = (where.clamp(0, side - 1) for where in (down, across))
    which = torch.arange(len(images), device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return torch.where(inside, moved, GREY)


def cut_out(images: Tensor) -> Tensor:
    """Return images each with a square of half its sides in grey; the square may reach over an edge."""
    side = images.shape[-1]
    half = round(CUT * side) // 2
    middles = torch.randint(0, side + 1, (2, len(images), 1), device=images.device)
    near = (torch.arange(side, device=images.device) - middles + 0.5).abs() < half
    hole = near[0][:, None, :, None] & near[1][:, None, None, :]
    return torch.where(hole, GREY, images)


def _draw(images: Tensor, numbers: int) -> Tensor:
    """Return numbers in [-1,1] for each image, (N,numbers,1,1,1)."""
    return 2.0 * torch.rand(len(images), numbers, 1, 1, 1, device=images.device) - 1.0
