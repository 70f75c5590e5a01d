"""Which images of a pool are used."""

from __future__ import annotations

from pathlib import Path

import torch

from gexbench.core.attack import Brief
from gexbench.training.questions import chosen


def brief(seed: int) -> Brief:
    """A brief of which only the pool and the seed matter."""
    return Brief(
        pool=[torch.zeros(3, 2, 2)] * 20,
        truth=None,
        scale=4,
        budget=20,
        knowledge=frozenset(),
        device=torch.device("cpu"),
        precision="fp32",
        seed=seed,
        generator=torch.Generator(),
        deadline=1.0,
        options={},
        workdir=Path("nowhere"),
        progress=lambda what, done, total: None,
    )


def test_all_of_a_pool_comes_once() -> None:
    assert sorted(chosen(brief(0), 100)) == list(range(20))


def test_a_larger_count_adds_to_a_smaller_one() -> None:
    assert chosen(brief(0), 15)[:5] == chosen(brief(0), 5)


def test_the_order_follows_the_seed() -> None:
    assert chosen(brief(1), 20) == chosen(brief(1), 20)
    assert chosen(brief(1), 20) != chosen(brief(2), 20)
