"""A mark that nets hide and read: a logo that the key draws, in every answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gexbench.core.defense import Claim, Trial
from gexbench.core.marks import LEAST_P, keyed_chance, matched
from gexbench.defenses.hidden import HiddenMark
from gexbench.nets.hiding import LogoEmbedder, LogoExtractor
from gexbench.training.hiding import HidingOptions, HidingTraining, logo_training
from gexbench.training.loop import TrainingContext


class Logo(HiddenMark):
    """Hide a logo in every answer, and look for it in what an extractor reads from a suspect's.

    The logo is a pattern of black and white squares of 4 pixels that the key draws: of a logo that means something
    nobody can say how often it is seen by chance. Options as in HiddenMark. Source: Zhang, Chen, Liao, Fang, Zhang,
    Zhou, Cui and Yu 2020, "Model Watermarking for Image Processing Networks" (arXiv 2002.11088), section 3, in smaller
    nets, without its adversarial losses; its second stage, which tunes the extractor on surrogates, is an option.
    """

    fainter = 0.02

    def training(self, numbers: HidingOptions, context: TrainingContext) -> HidingTraining:
        """Return what fits embedder and extractor."""
        return logo_training(numbers, context)

    def unfitted(self, side: int) -> tuple[nn.Module, nn.Module]:
        """Return an embedder and an extractor with any weights."""
        return LogoEmbedder(), LogoExtractor()

    def secret(self) -> Tensor:
        """Return the key's logo (1,side/4,side/4)."""
        return torch.from_numpy(keyed_chance(self.key, "logo").integers(2, size=tuple(self.prepared["plain"].shape)))

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        """Correlate the logo with what is read from the suspect's answers more than from plain ones, on average.

        score: a z, for keys draw each square black or white alike: of whoever never saw the logo it has mean 0 and
        variance 1. p: Hoeffding's bound, which holds whatever was read. Figures: the correlation. Raises GexbenchError
        on answers of another number or size.
        """
        seen = self.read(output for output, _ in matched(outputs, trial.plain)).mean(dim=0)
        read = (seen - self.read(trial.plain).mean(dim=0)).double()
        logo, length = 2.0 * self.secret().double() - 1.0, float(read.norm())
        z = float((read * logo).sum()) / length if length else 0.0
        p = math.exp(-0.5 * z * z) if z > 0 else 1.0
        return Claim(z, max(p, LEAST_P), {"correlation": z / math.sqrt(logo.numel())})
