"""An oracle whose questions and answers are changed on their way, as attacks on defended services do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.core.band_noise import band_noise
from gexbench.core.oracle import Oracle, Samples
from gexbench.core.purify import PURIFIERS

STEP = 4
"""Pixels of a shift: networks that halve their input twice answer a shifted question with a shifted answer."""
SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))
"""Rows and columns of the copies of a question, in steps; the first is the question itself."""
OWN_BAND = (1.5, 18.0)
OWN_STRENGTH = 3.0 / 255.0
"""Cycles an image, and root mean square, of the pattern that overwrites; ours."""


def adapted(oracle: Oracle, options: Mapping[str, Any], seed: int) -> Oracle:
    """Return an oracle that does what the adaptive options say (see cards.adaptive); the same one without any."""
    return AdaptedOracle(oracle, options, seed) if options else oracle


class AdaptedOracle:
    """Ask copies of each question, average, purify, mirror: in this order, whatever the options name of it.

    Implements core.oracle.Oracle. One question of its budget is as many of the service's as there are copies, asked
    in one batch, so that a batch over the budget is refused whole. Source: overwriting, arXiv 2302.08637; what is
    averaged, and the pattern that overwrites, are ours.
    """

    def __init__(self, oracle: Oracle, options: Mapping[str, Any], seed: int) -> None:
        self._oracle, self._seed = oracle, seed
        self._shifts = SHIFTS[: options.get("jitter", 1)]
        self._purify: str = options.get("purify", "none")
        self._mirrors = options.get("augment") == "flip"
        self._coins = torch.Generator().manual_seed(seed)
        self._own: dict[tuple[int, int], Tensor] = {}
        self.budget = oracle.budget // len(self._shifts)

    @property
    def remaining(self) -> int:
        """Return how many questions are left, each in all its copies."""
        return self._oracle.remaining // len(self._shifts)

    def query(self, x: Tensor) -> Tensor:
        """Ask about a batch; see core.oracle.Oracle.query."""
        if len(self._shifts) == 1 or not _shiftable(x):
            return self._purified(self._oracle.query(x))
        answers = self._oracle.query(torch.cat([_shifted(x.detach().cpu(), shift) for shift in self._shifts]))
        return self._purified(_averaged(answers.chunk(len(self._shifts)), self._shifts, x.shape[-2]))

    def sample(self, n: int) -> Samples:
        """Have images drawn; see core.oracle.Oracle.sample."""
        drawn = self._oracle.sample(n)
        images = self._purified(drawn.images)
        if self._mirrors:
            heads = torch.rand(len(images), 1, 1, 1, generator=self._coins) < 0.5
            images = torch.where(heads, images.flip(-1), images)
        return Samples(images, drawn.latents)

    def _purified(self, images: Tensor) -> Tensor:
        if self._purify == "overwrite":
            return (images + self._pattern(images.shape[-2], images.shape[-1])).clamp(0.0, 1.0)
        return images if self._purify == "none" else PURIFIERS[self._purify](images)

    def _pattern(self, height: int, width: int) -> Tensor:
        """Return the mark of the attacker's own (3,height,width), the same for all answers of a size."""
        if (height, width) not in self._own:
            key = torch.Generator().manual_seed(self._seed)
            self._own[height, width] = OWN_STRENGTH * band_noise(height, width, OWN_BAND, key)
        return self._own[height, width]


def _shiftable(x: object) -> bool:
    """Say whether x can be shifted; what cannot is no question, and the service says why."""
    return isinstance(x, Tensor) and x.ndim == 4 and x.is_floating_point() and min(x.shape[2:]) > STEP


def _shifted(x: Tensor, shift: tuple[int, int]) -> Tensor:
    """Return images (N,3,h,w) that show what lies `shift` steps further on; beyond the edge they are mirrored."""
    top, left = (STEP + STEP * steps for steps in shift)
    padded = F.pad(x, (STEP, STEP, STEP, STEP), mode="reflect")
    return padded[..., top : top + x.shape[-2], left : left + x.shape[-1]]


def _averaged(answers: Sequence[Tensor], shifts: Sequence[tuple[int, int]], height: int) -> Tensor:
    """Return the mean of answers (N,3,H,W) after each is shifted back, over those that show a place.

    height: of the questions, which says by how much answers are larger.
    """
    step = STEP * answers[0].shape[-2] // height
    total, seen = torch.zeros_like(answers[0]), torch.zeros_like(answers[0])
    for answer, shift in zip(answers, shifts, strict=True):
        (into_rows, from_rows), (into_columns, from_columns) = (
            _overlap(step * steps, side) for steps, side in zip(shift, answer.shape[-2:], strict=True)
        )
        total[..., into_rows, into_columns] += answer[..., from_rows, from_columns]
        seen[..., into_rows, into_columns] += 1.0
    return total / seen


def _overlap(shift: int, side: int) -> tuple[slice, slice]:
    """Return where in the image the shifted one lies, and which of its own places these are."""
    return slice(max(shift, 0), side + min(shift, 0)), slice(max(-shift, 0), side + min(-shift, 0))
