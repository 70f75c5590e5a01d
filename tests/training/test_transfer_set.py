"""What an attack learns from: images of its pool with answers, or a budget of images that a service draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_factory import brief_in

from gexbench.core.attack import Brief
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.oracle import Samples
from gexbench.training.transfer_set import answered, chosen, sampled


def brief(seed: int) -> Brief:
    """Return a brief whose pool tells its images apart."""
    pool = [torch.full((3, 2, 2), index / 255.0) for index in range(100)]
    return brief_in(Path("nowhere"), pool=pool, scale=2, seed=seed)


class Numbered:
    """An oracle whose image number i holds the grey i, and that keeps what it was asked for."""

    def __init__(self, budget: int, side: int = 8, tells: bool = False) -> None:
        self.budget, self.remaining, self.side, self.tells = budget, budget, side, tells
        self.asked: list[int] = []

    def query(self, x: Tensor) -> Tensor:
        self.asked.append(len(x))
        return (1.0 - x).repeat_interleave(2, -1).repeat_interleave(2, -2)

    def sample(self, n: int) -> Samples:
        first = sum(self.asked)
        self.asked.append(n)
        numbers = torch.arange(first, first + n)
        greys = (numbers % 256).to(torch.uint8)[:, None, None, None].expand(-1, 3, self.side, self.side)
        return Samples(from_uint8(greys), numbers[:, None].float() if self.tells else None)


def test_all_of_a_pool_comes_once() -> None:
    assert sorted(chosen(brief(0), 1000)) == list(range(100))


def test_a_larger_count_adds_to_a_smaller_one() -> None:
    assert chosen(brief(0), 15)[:5] == chosen(brief(0), 5)


def test_the_order_follows_the_seed() -> None:
    assert chosen(brief(1), 20) == chosen(brief(1), 20)
    assert chosen(brief(1), 20) != chosen(brief(2), 20)


def test_every_answer_stands_beside_its_question() -> None:
    pairs, indices = answered(Numbered(70), brief(0), 70), chosen(brief(0), 70)
    assert [int(image[0, 0, 0]) for image in pairs.low] == indices
    assert [int(image[0, 3, 3]) for image in pairs.high] == [255 - index for index in indices]
    assert (pairs.low[0].dtype, pairs.high[0].shape) == (torch.uint8, (3, 4, 4))


def test_large_questions_are_asked_a_few_at_a_time() -> None:
    oracle, large = Numbered(5), replace(brief(0), pool=[torch.zeros(3, 256, 512)] * 5)
    answered(oracle, large, 5)
    assert oracle.asked == [2, 2, 1]


@pytest.mark.parametrize(
    ("budget", "side", "asked"),
    [(10, 32, [10]), (2500, 32, [64, 1024, 1024, 388]), (100, 256, [64, 16, 16, 4])],
)
def test_the_whole_budget_is_queried_in_answers_of_few_megabytes(budget: int, side: int, asked: list[int]) -> None:
    oracle = Numbered(budget, side)
    images, latents = sampled(oracle)
    assert oracle.asked == asked
    assert latents is None
    assert [int(image[0, 0, 0]) for image in images] == [i % 256 for i in range(budget)]


def test_latents_come_in_the_order_of_their_images() -> None:
    images, latents = sampled(Numbered(100, tells=True))
    assert latents is not None
    assert latents[:, 0].tolist() == list(range(100))
    assert torch.equal(images[99], to_uint8(torch.full((3, 8, 8), 99 / 255.0)))
