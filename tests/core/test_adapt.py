"""What is done to questions and answers on their way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gexbench.core.adapt import OWN_STRENGTH, SHIFTS, STEP, adapted
from gexbench.core.images import round_8bit
from gexbench.core.oracle import Samples
from gexbench.core.purify import median
from gexbench.errors import BudgetError, QueryError

MEDIAN = {"purify": "median"}


class Service:
    """An oracle in this process that counts: it answers, or draws images that are dark to the left."""

    def __init__(self, budget: int, answer: Callable[[Tensor], Tensor] = lambda x: 1.0 - x) -> None:
        self.budget = self.remaining = budget
        self.answer = answer
        self.asked: list[Tensor] = []

    def query(self, x: Tensor) -> Tensor:
        """Answer a batch, or refuse it whole."""
        if not isinstance(x, Tensor) or x.ndim != 4:
            raise QueryError("that is no question")
        if len(x) > self.remaining:
            raise BudgetError(f"{len(x)} asked, {self.remaining} left")
        self.remaining -= len(x)
        self.asked += list(x)
        return self.answer(x)

    def sample(self, n: int) -> Samples:
        """Draw the same images each time."""
        self.remaining -= n
        return Samples(torch.linspace(0.2, 0.8, 8).expand(n, 3, 8, 8), torch.arange(float(n))[:, None])


def photos(count: int, height: int = 16, width: int = 20) -> Tensor:
    return round_8bit(torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0)))


def oracle(service: Service, seed: int = 0, **options: Any) -> Any:
    return adapted(service, options, seed)


def test_without_options_the_oracle_is_the_one_it_was() -> None:
    service = Service(8)
    assert oracle(service) is service


@pytest.mark.parametrize("copies", range(2, 10))
def test_each_copy_is_another_question_and_is_paid_for(copies: int) -> None:
    service = Service(20)
    asking = oracle(service, jitter=copies)
    assert asking.budget == asking.remaining == 20 // copies
    asking.query(photos(2))
    assert service.remaining == 20 - 2 * copies
    assert asking.remaining == service.remaining // copies
    assert len({image.numpy().tobytes() for image in service.asked}) == 2 * copies


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("copies", [2, 5, 9])
def test_answers_are_shifted_back_onto_the_question(copies: int, scale: int) -> None:
    def enlarged(x: Tensor) -> Tensor:
        return (1.0 - x).repeat_interleave(scale, -1).repeat_interleave(scale, -2)

    x = photos(2)
    torch.testing.assert_close(oracle(Service(18, enlarged), jitter=copies).query(x), enlarged(x))


def test_a_copy_shows_what_lies_further_on() -> None:
    service = Service(3)
    x = photos(1)
    oracle(service, jitter=2).query(x)
    plain, right = service.asked
    assert torch.equal(plain, x[0])
    assert torch.equal(right[..., :-STEP], x[0, ..., STEP:])


@pytest.mark.parametrize("copies", [4, 9])
def test_averaging_lowers_noise_that_belongs_to_a_question_as_the_root_of_the_copies(copies: int) -> None:
    generator = torch.Generator().manual_seed(3)

    def noisy(x: Tensor) -> Tensor:
        return x + 0.05 * torch.randn(x.shape, generator=generator)

    x = photos(4, 64, 64)
    once, often = (oracle(Service(99, noisy), jitter=n).query(x) - x for n in (1, copies))
    inside = (..., slice(STEP, -STEP), slice(STEP, -STEP))  # at the edge, not all copies show a place
    assert float(often[inside].std()) == pytest.approx(float(once.std()) / copies**0.5, rel=0.05)


def test_a_mark_that_is_locked_to_its_place_fades() -> None:
    mark = 0.05 * torch.cos(torch.arange(64) * 2 * torch.pi * 10 / 64)
    x = photos(1, 64, 64) * 0.5 + 0.25
    left = oracle(Service(9, lambda asked: asked + mark), jitter=9).query(x) - x
    assert float((left * mark).mean() / mark.square().mean()) < 0.4


def test_a_batch_over_the_budget_is_refused_whole_and_costs_nothing() -> None:
    service = Service(11)
    with pytest.raises(BudgetError):
        oracle(service, jitter=3).query(photos(4))
    assert service.remaining == 11


@pytest.mark.parametrize("wrong", [torch.rand(3, 16, 16), "picture", None, torch.rand(16)])
def test_what_is_no_question_is_refused_by_the_service_itself(wrong: Any) -> None:
    with pytest.raises(QueryError):
        oracle(Service(9), jitter=3).query(wrong)


def test_answers_are_purified_after_they_are_averaged() -> None:
    x, mark = photos(1), photos(5)[4]
    averaged, both = (oracle(Service(3, lambda x: x + mark), jitter=3, **way).query(x) for way in ({}, MEDIAN))
    assert torch.equal(both, median(averaged))


def test_overwriting_puts_one_pattern_on_all_answers_of_a_size_and_another_seed_another() -> None:
    grey = torch.full((2, 3, 64, 64), 0.5)
    marks = [oracle(Service(9), seed, purify="overwrite").query(grey) - 0.5 for seed in (0, 0, 1)]
    assert torch.equal(marks[0][0], marks[0][1])
    assert torch.equal(marks[0], marks[1])
    assert float(marks[0].square().mean().sqrt()) == pytest.approx(OWN_STRENGTH, rel=1e-3)
    assert abs(float((marks[0] * marks[2]).mean())) < 0.1 * OWN_STRENGTH**2


def test_overwritten_answers_stay_in_range_whatever_their_sizes() -> None:
    asking = oracle(Service(9, lambda x: x), purify="overwrite")
    for height, width in ((8, 8), (9, 40)):
        made = asking.query(torch.ones(1, 3, height, width))
        assert made.shape == (1, 3, height, width)
        assert float(made.max()) == 1.0 > float(made.min())


def test_drawn_images_are_mirrored_every_second_by_chance_and_the_same_ones_after_a_restart() -> None:
    plain = Service(64).sample(64)
    runs = [oracle(Service(64), augment="flip") for _ in range(2)]
    made = [torch.cat([run.sample(40).images, run.sample(24).images]) for run in runs]
    assert torch.equal(*made)
    mirrored = [torch.equal(image, plain.images[0].flip(-1)) for image in made[0]]
    kept = [torch.equal(image, plain.images[0]) for image in made[0]]
    assert 16 < sum(mirrored) < 48
    assert sum(mirrored) + sum(kept) == 64


def test_drawn_images_are_purified_and_keep_their_latents() -> None:
    plain = Service(4).sample(4)
    made = oracle(Service(4), purify="median").sample(4)
    assert torch.equal(made.images, median(plain.images))
    assert torch.equal(made.latents, plain.latents)


def test_every_copy_that_the_option_allows_has_a_shift_of_its_own() -> None:
    assert len(set(SHIFTS)) == len(SHIFTS) == 9
    assert SHIFTS[0] == (0, 0)
