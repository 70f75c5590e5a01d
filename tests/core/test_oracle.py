"""Asking about images of mixed sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.core.oracle import Samples, ask
from gexbench.errors import BudgetError


class Doubling:
    """An oracle that enlarges by two and remembers the batches it was asked."""

    def __init__(self, budget: int) -> None:
        self.budget = self.remaining = budget
        self.batches: list[tuple[int, ...]] = []

    def query(self, x: Tensor) -> Tensor:
        if len(x) > self.remaining:
            raise BudgetError(f"{len(x)} asked, {self.remaining} left")
        self.remaining -= len(x)
        self.batches.append(tuple(x.shape))
        return x.repeat_interleave(2, -1).repeat_interleave(2, -2)

    def sample(self, n: int) -> Samples:
        raise AssertionError("this service takes images")


def grey(level: float, height: int, width: int) -> Tensor:
    return torch.full((3, height, width), level)


def test_answers_come_in_the_order_of_the_images_whatever_their_sizes() -> None:
    images = [grey(0.1, 4, 4), grey(0.2, 4, 6), grey(0.3, 4, 4), grey(0.4, 6, 4), grey(0.5, 4, 6)]
    oracle = Doubling(5)
    answers = ask(oracle, images)
    assert [float(answer.mean()) for answer in answers] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert [tuple(answer.shape) for answer in answers] == [(3, 8, 8), (3, 8, 12), (3, 8, 8), (3, 12, 8), (3, 8, 12)]
    assert oracle.batches == [(2, 3, 4, 4), (2, 3, 4, 6), (1, 3, 6, 4)]


def test_a_batch_has_no_more_images_than_was_said() -> None:
    oracle = Doubling(5)
    ask(oracle, [grey(0.5, 4, 4)] * 5, batch=2)
    assert [shape[0] for shape in oracle.batches] == [2, 2, 1]


def test_no_images_are_no_questions() -> None:
    oracle = Doubling(5)
    assert ask(oracle, []) == []
    assert oracle.batches == []


def test_what_the_oracle_refuses_is_not_hidden() -> None:
    oracle = Doubling(3)
    with pytest.raises(BudgetError, match="2 asked, 1 left"):
        ask(oracle, [grey(0.5, 4, 4)] * 4, batch=2)
    assert oracle.remaining == 1
