"""Noise of some frequencies alone."""

from __future__ import annotations

import torch
from torch import Tensor


def band_noise(height: int, width: int, band: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Return (3,height,width) float32 noise of mean 0 and mean square 1, its frequencies in `band` alone.

    band: lowest and highest distance from frequency 0, in cycles an image. Made of normal noise in float64. Raises
    ValueError where an image of that size has no frequency in the band.
    """
    low, high = band
    white = torch.randn(3, height, width, generator=generator, dtype=torch.float64)
    rows = torch.fft.fftfreq(height, 1.0 / height, dtype=torch.float64)[:, None]
    columns = torch.fft.rfftfreq(width, 1.0 / width, dtype=torch.float64)
    distance = torch.hypot(*torch.broadcast_tensors(rows, columns))
    inside = (distance >= low) & (distance <= high) & (distance > 0.0)
    if not bool(inside.any()):
        raise ValueError(f"images of {width}x{height} pixels have no frequency from {low:g} to {high:g} cycles")
    noise: Tensor = torch.fft.irfft2(torch.fft.rfft2(white) * inside, s=(height, width))
    return (noise / noise.square().mean().sqrt()).float()
