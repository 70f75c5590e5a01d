"""Copy a super-resolution service by training an SRResNet on its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle, ask
from gexbench.training.loop import Place
from gexbench.training.patches import Pairs
from gexbench.training.questions import chosen
from gexbench.training.super_resolution import fit_srresnet

CHUNK = 64
PIXELS = 2**18


class SRResNetAttack:
    """Ask about random images of the pool, then fit an SRResNet to questions and answers.

    Source: Szyller et al. 2023, "Good Artists Copy, Great Artists Steal: Model Extraction Attacks Against Image
    Translation Models" (arXiv 2104.12623), sections 4 and 5.2; the network is Ledig et al. 2017 (arXiv 1609.04802).
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask `oracle.budget` questions, fewer where the pool is smaller; options: see `fit_srresnet`."""
        low, high = [], []
        for chunk in _chunks(chosen(brief, oracle.budget)):
            questions = [brief.pool[index] for index in chunk]
            low += [to_uint8(image) for image in questions]
            high += [to_uint8(answer) for answer in ask(oracle, questions, _batch(questions))]
        place = Place(brief.device, brief.precision, brief.seed, brief.workdir, brief.progress)
        return fit_srresnet(Pairs(low, high, brief.scale), brief.options, place)


def _chunks(indices: Sequence[int]) -> Iterator[Sequence[int]]:
    # answers of a chunk are held as float32 before they become 8-bit, four times as large
    for start in range(0, len(indices), CHUNK):
        yield indices[start : start + CHUNK]


def _batch(questions: Sequence[Tensor]) -> int:
    # a service that enlarges 16 large photos at once may run out of memory
    largest = max(image.shape[-2] * image.shape[-1] for image in questions)
    return max(1, min(16, PIXELS // largest))
