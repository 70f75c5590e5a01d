"""The transfer set, what an attack learns from: questions with a victim's answers, or images a victim drew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle, ask
from gexbench.training.loop import step_generator
from gexbench.training.patches import Pairs

CHUNK = 64
PIXELS = 2**18
FIRST = 64
BYTES_AT_ONCE = 3 << 20


def chosen(brief: Brief, count: int) -> list[int]:
    """Return indices into `brief.pool`, `count` of them or all there are, in an order drawn from `brief.seed`.

    The same seed gives the same order, so a larger count adds to a smaller one, and a control uses what an attack asks.
    """
    order = torch.randperm(len(brief.pool), generator=step_generator(brief.seed, "questions", 0))
    return [int(index) for index in order[:count]]


def answered(oracle: Oracle, brief: Brief, count: int) -> Pairs:
    """Ask about `chosen` images of the pool and return questions and answers; raises what Oracle.query raises."""
    low, high = [], []
    for chunk in _chunks(chosen(brief, count)):
        questions = [brief.pool[index] for index in chunk]
        low += [to_uint8(image) for image in questions]
        high += [to_uint8(answer) for answer in ask(oracle, questions, _batch(questions))]
    return Pairs(low, high, brief.scale)


def sampled(oracle: Oracle) -> tuple[list[Tensor], Tensor | None]:
    """Have the service draw the whole budget: images (3,side,side) uint8, and their latents (N,d) where it tells them.

    After the first few it is asked for 3 MiB at once, 1024 images of 32 pixels: enough that what a request costs beside
    drawing is little, and few enough to hold in memory. Raises what Oracle.sample raises.
    """
    images: list[Tensor] = []
    latents: list[Tensor] = []
    at_once = FIRST
    while len(images) < oracle.budget:
        drawn = oracle.sample(min(at_once, oracle.budget - len(images)))
        images.extend(to_uint8(drawn.images))
        if drawn.latents is not None:
            latents.append(drawn.latents)
        at_once = max(1, BYTES_AT_ONCE // images[0].numel())
    return images, torch.cat(latents) if latents else None


def _chunks(indices: Sequence[int]) -> Iterator[Sequence[int]]:
    # answers of a chunk are held as float32 before they become 8-bit, four times as large
    for start in range(0, len(indices), CHUNK):
        yield indices[start : start + CHUNK]


def _batch(questions: Sequence[Tensor]) -> int:
    # a service that enlarges 16 large photos at once may run out of memory
    largest = max(image.shape[-2] * image.shape[-1] for image in questions)
    return max(1, min(16, PIXELS // largest))
