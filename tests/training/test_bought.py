"""Buying a whole budget from a service that draws."""

from __future__ import annotations

import pytest
import torch

from gexbench.core.images import from_uint8
from gexbench.core.oracle import Samples
from gexbench.training.bought import bought


class Counted:
    """An oracle whose image number i holds the grey i, and that keeps what it was asked for."""

    def __init__(self, budget: int, side: int, tells: bool = False) -> None:
        self.budget, self.remaining, self.side, self.tells = budget, budget, side, tells
        self.asked: list[int] = []

    def query(self, x: torch.Tensor) -> torch.Tensor:
        raise AssertionError("this service draws")

    def sample(self, n: int) -> Samples:
        first = sum(self.asked)
        self.asked.append(n)
        self.remaining -= n
        numbers = torch.arange(first, first + n)
        greys = (numbers % 256).to(torch.uint8)[:, None, None, None].expand(-1, 3, self.side, self.side)
        return Samples(from_uint8(greys), numbers[:, None].float() if self.tells else None)


@pytest.mark.parametrize(
    ("budget", "side", "asked"),
    [(10, 32, [10]), (2500, 32, [64, 1024, 1024, 388]), (100, 256, [64, 16, 16, 4])],
)
def test_the_whole_budget_is_bought_in_answers_of_few_megabytes(budget: int, side: int, asked: list[int]) -> None:
    oracle = Counted(budget, side)
    images, latents = bought(oracle)
    assert oracle.asked == asked
    assert latents is None
    assert [int(image[0, 0, 0]) for image in images] == [i % 256 for i in range(budget)]


def test_latents_come_in_the_order_of_their_images() -> None:
    _, latents = bought(Counted(100, 8, tells=True))
    assert latents is not None
    assert latents[:, 0].tolist() == list(range(100))
