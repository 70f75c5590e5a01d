"""Structural similarity at five scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from gexbench.core.metric import Evidence
from gexbench.metrics.pixel import Recipe, each, mean, number, ssim_parts

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_LARGEST_REFUSED = 160


class MsSsim:
    """Multi-scale structural similarity, mean over images; `MsSsim(settings, assets)`, settings as in `Recipe`."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = Recipe.of(settings)

    def measure(self, evidence: Evidence) -> float:
        """Return the mean MS-SSIM in [0,1]; raises ValueError as `pixel.pairs` and `ms_ssim`."""
        return mean(self.values(evidence))

    def values(self, evidence: Evidence) -> Iterator[float]:
        """Yield the value of each pair."""
        return each(evidence, self._recipe, ms_ssim)


def ms_ssim(a: Tensor, b: Tensor, data_range: float = 1.0) -> float:
    """Return the multi-scale structural similarity in [0,1], mean over channels.

    a, b: (C,H,W) with values in a range of width `data_range`; computed in float64. Between scales 2x2 means are taken,
    an odd side padded with a zero at both ends as pytorch-msssim does; negative parts count as 0. Raises ValueError
    when the sizes differ, a value is NaN, or a side is 160 or less, where the coarsest scale would have no window.
    Source: Wang, Simoncelli, Bovik 2003, eq. 7, weights of its section 3.2.
    """
    if min(a.shape[-2:]) <= _LARGEST_REFUSED:
        height, width = a.shape[-2:]
        raise ValueError(f"MS-SSIM needs sides above {_LARGEST_REFUSED} pixels, got {height}x{width}")
    factors = []
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            a, b = _halve(a), _halve(b)
        full, structure = ssim_parts(a, b, data_range)
        part = full if scale == len(_WEIGHTS) - 1 else structure
        factors.append(part.clamp(min=0.0) ** weight)
    return number(float(torch.stack(factors).prod(dim=0).mean()))


def _halve(x: Tensor) -> Tensor:
    # Of an odd side's two zeros the far one falls in no 2x2 mean. Slices are quicker than avg_pool2d.
    height, width = x.shape[-2:]
    x = pad(x.double(), (width % 2, 0, height % 2, 0))
    rows = x[:, ::2] + x[:, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]) / 4.0
