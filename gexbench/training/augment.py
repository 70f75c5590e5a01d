"""Change inputs and outputs in the same way, so that a few answers teach more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

DEGREES = 5.0
WINDOW = 0.75
CONTRAST = 1.2


class Augmentation(Protocol):
    """Change a batch of pairs; each pair is drawn for on its own."""

    def __call__(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the changed pairs, shapes as before."""
        ...


def flip(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror every second pair, by chance, left to right; x: (N,3,h,w), y: (N,3,s*h,s*w), float32 in [0,1]."""
    chosen = _chosen(x, generator)
    return torch.where(chosen, x.flip(-1), x), torch.where(chosen, y.flip(-1), y)


def rotation(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn every second pair, by chance, by an angle drawn from -5 to 5 degrees.

    x: (N,3,h,w), y: (N,3,s*h,s*w), float32 in [0,1]. Both turn about their centre by the same angle; what comes in from
    outside is mirrored at the border. Source: Szyller et al. 2023, section 6.2, "rotation (5 degrees)".
    """
    angles = (2.0 * torch.rand(len(x), generator=generator) - 1.0) * math.radians(DEGREES)
    chosen = _chosen(x, generator)
    return torch.where(chosen, _turn(x, angles), x), torch.where(chosen, _turn(y, angles), y)


def cutout(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Show of every second pair, by chance, a random window of 3/4 of the sides only, enlarged back bilinearly.

    x: (N,3,h,w), y: (N,3,s*h,s*w), float32 in [0,1]; the window lies at the same place in both. This is what the paper
    calls cutout, not the blanked squares of DeVries and Taylor 2017. Source: Szyller et al. 2023, section 6.2, "cutout
    (crop in on a random part of the image)"; the paper gives no size, 3/4 is ours.
    """
    centres = (2.0 * torch.rand(len(x), 2, generator=generator) - 1.0) * (1.0 - WINDOW)
    chosen = _chosen(x, generator)
    return torch.where(chosen, _enlarge(x, centres), x), torch.where(chosen, _enlarge(y, centres), y)


def contrast(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Raise the contrast of every second pair, by chance, by 20 % about the mean of its input.

    x: (N,3,h,w), y: (N,3,s*h,s*w), float32 in [0,1]; clamped. Source: Szyller et al. 2023, section 6.2.
    """
    chosen = _chosen(x, generator)
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    raised = [(middle + CONTRAST * (part - middle)).clamp(0.0, 1.0) for part in (x, y)]
    return torch.where(chosen, raised[0], x), torch.where(chosen, raised[1], y)


def known() -> Mapping[str, Augmentation]:
    """Return the augmentations by the names that cards use."""
    return {"flip": flip, "rotation": rotation, "cutout": cutout, "contrast": contrast}


def augment(x: Tensor, y: Tensor, names: Sequence[str], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Apply augmentations in the order of `names`; raises ValueError for a name that is not `known`."""
    for name in names:
        if name not in known():
            raise ValueError(f"augmentation {name!r} is none of {', '.join(known())}")
        x, y = known()[name](x, y, generator)
    return x, y


def _chosen(x: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.rand(len(x), generator=generator) < 0.5).view(-1, 1, 1, 1)


def _turn(images: Tensor, angles: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    rows = [cosine, -sine * height / width, zero, sine * width / height, cosine, zero]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False)
    turned = F.grid_sample(images, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return turned.clamp(0.0, 1.0)


def _enlarge(images: Tensor, centres: Tensor) -> Tensor:
    across, down = centres.unbind(1)
    side, zero = torch.full_like(across, WINDOW), torch.zeros_like(across)
    rows = [side, zero, across, zero, side, down]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
