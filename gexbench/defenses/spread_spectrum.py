"""A mark without training: faint keyed noise in three bands of frequency, the same in every answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gexbench.core.defense import Claim, Defense, History, Trial
from gexbench.core.marks import keyed_chance, matched, normal_tail

BANDS: Mapping[str, tuple[float, float]] = {"low": (1.5, 4.5), "middle": (4.5, 9.0), "high": (9.0, 18.0)}
"""From where to where, in cycles an image."""
MOST = 4.0 / 255.0
"""Of what is seen in a band, in a pixel: edges of the image itself would drown the flat parts, where a mark is seen."""
NOTHING = 1e-9
"""What sums of the same numbers in another order may leave of each other."""


class SpreadSpectrum(Defense):
    """Add the key's pattern to every answer, and clamp; a surrogate learns it with everything else.

    Option `strength`: root mean square of the pattern in each band, in 8-bit steps. Images of one size get one pattern,
    those of another size another. Source: spread-spectrum watermarks, Cox, Kilian, Leighton and Shamoon 1997 (IEEE
    Transactions on Image Processing 6(12)); bands, strength and the use against model extraction are ours.
    """

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y with the pattern, clamped to [0,1]; shapes as in Defense.guard_output."""
        height, width = y.shape[-2:]
        total = torch.stack([_scaled(_pattern(self.key, band, height, width)) for band in BANDS]).sum(dim=0)
        return (y + total.to(y) * (float(self.options["strength"]) / 255.0)).clamp(0.0, 1.0)

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        """Correlate the mean of what the suspect adds to plain answers with the pattern, band by band.

        score: the bands' z, summed and divided by the root of their number. Of whoever never saw the pattern, its
        direction is a uniformly random one, so each z has mean 0, variance 1 and lighter tails than a normal number: p
        errs to the safe side. At most a z is the root of its band's degrees of freedom, 13, 24 and 48 at 64 pixels.
        Where services draw, the mean of what is in the images is held against that of plain ones. Raises GexbenchError
        on answers of another number or size.
        """
        added = {band: dict[tuple[int, int], Tensor]() for band in BANDS}
        for output, plain in matched(outputs, trial.plain):
            size = (output.shape[-2], output.shape[-1])
            for change in (output - plain,) if len(trial.questions) else (output, -plain):
                for band, sums in added.items():
                    seen = _filtered(change.double(), band).clamp(-MOST, MOST)
                    sums[size] = sums.get(size, torch.zeros(())) + seen
        found = {band: _agreement(self.key, band, sums) for band, sums in added.items()}
        score = sum(found.values()) / math.sqrt(len(BANDS))
        return Claim(score, normal_tail(score), {f"z-{band}": z for band, z in found.items()})


def _agreement(key: bytes, band: str, added: Mapping[tuple[int, int], Tensor]) -> float:
    """Return the cosine of a pattern with what was added in its band, times the root of the degrees of freedom."""
    patterns = torch.cat([_pattern(key, band, *size).flatten() for size in added])
    residual = torch.cat([_filtered(each, band).flatten() for each in added.values()])
    freedom = sum(3 * int(_inside(band, *size).sum()) for size in added)
    if residual.norm() <= NOTHING or not freedom:
        return 0.0
    return float(patterns @ residual / (patterns.norm() * residual.norm())) * math.sqrt(freedom)


def _pattern(key: bytes, band: str, height: int, width: int) -> Tensor:
    """Return white noise without what lies outside the band, (3,height,width) float64: any direction is as likely."""
    noise = keyed_chance(key, f"spread-spectrum {band} {height}x{width}").standard_normal((3, height, width))
    return _filtered(torch.from_numpy(noise), band)


def _scaled(pattern: Tensor) -> Tensor:
    # images of few pixels have nothing in the high band
    size = pattern.square().mean().sqrt()
    return pattern / size if size > 0 else pattern


def _filtered(image: Tensor, band: str) -> Tensor:
    inside = _inside(band, *image.shape[-2:])
    filtered: Tensor = torch.fft.ifft2(torch.fft.fft2(image) * inside).real
    return filtered


def _inside(band: str, height: int, width: int) -> Tensor:
    rows, columns = (torch.fft.fftfreq(side, 1.0 / side) for side in (height, width))
    cycles = torch.hypot(rows[:, None], columns[None, :])
    low, high = BANDS[band]
    return (cycles >= low) & (cycles < high)
