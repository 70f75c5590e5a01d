"""Between clients and a victim: a defense meets the test's questions as it meets a client's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.core.defense import Defense, History
from gexbench.engine.kinds.endpoint import OpenVictim, Weights
from gexbench.engine.kinds.guard import Tests as Questions
from gexbench.engine.kinds.image_to_image import KIND, digests_of
from gexbench.engine.service.front import Defended, Undefended, stream
from gexbench.engine.wire.guarding import GuardOne

from ..fronts import Held, guard

BUDGET, HONEST = 24, 10


class Negative:
    """Returns what is left to `level`; clean and deployed victims differ in it."""

    digest, latent_size = "", None

    def __init__(self, level: float = 1.0) -> None:
        self.level, self.batches = level, list[int]()

    def answer(self, x: Tensor) -> Tensor:
        self.batches.append(len(x))
        return self.level - x

    def secret(self, use: str) -> bytes:
        return use.encode()

    def weights(self) -> Weights:
        return Weights("", {})

    def with_weights(self, weights: Weights) -> OpenVictim:
        return self


class Marking(Defense):
    """Writes the count of a question into what leaves, and keeps the counts that it was told."""

    def __init__(self) -> None:
        super().__init__({})
        self.counts: list[int] = []

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        self.counts.append(history.answered)
        return torch.full_like(y, history.answered / 255)


class Feeding(Marking):
    """Changes what is fed, too, and draws from one generator in both moments."""

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        self.first = torch.rand(1, generator=history.generator)
        return x / 2

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        assert not torch.equal(self.first, torch.rand(1, generator=history.generator))
        return super().guard_output(x, y, history)


def images(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 200, (count, 3, 8, 8), dtype=torch.uint8, generator=generator)


TESTS = images(HONEST, seed=1)
QUESTIONS = Questions(digests_of(TESTS), lambda i: TESTS[i : i + 1], HONEST)


def behind(
    defense: Defense,
    victims: tuple[OpenVictim, OpenVictim] | None = None,
    file: Path = Path(":memory:"),
    questions: Questions = QUESTIONS,
) -> Defended:
    one: OpenVictim = Negative()
    return Defended(KIND.way, victims or (one, one), guard(defense), stream(questions, BUDGET, file, b"secret"))


def asked(front: Defended, sizes: Sequence[int]) -> Tensor:
    """Ask in batches of these sizes and return what left."""
    x, paid, left = images(sum(sizes)), 0, []
    for size in sizes:
        part = x[paid : paid + size]
        left.append(front.answer(part, digests_of(part), paid))
        paid += size
    return torch.cat(left)


@pytest.mark.parametrize("sizes", [[BUDGET], [1] * BUDGET, [5, 1, 12, 6]], ids=str)
@pytest.mark.parametrize("made", [Marking, Feeding])
def test_all_questions_come_in_one_stream_of_counts(made: type[Marking], sizes: Sequence[int]) -> None:
    defense = made()
    front = behind(defense)
    asked(front, sizes)
    assert defense.counts == list(range(BUDGET + HONEST))
    front.finish(BUDGET)
    assert len(defense.counts) == BUDGET + HONEST  # nothing is left to ask


def test_how_a_client_asks_changes_no_answer_to_it_nor_to_honest_users() -> None:
    fronts = [behind(Marking()) for _ in range(3)]
    left = [asked(front, sizes) for front, sizes in zip(fronts, ([BUDGET], [1] * BUDGET, [20, 4]), strict=True)]
    honest = [front.honest(TESTS, digests_of(TESTS)) for front in fronts]
    for other in (1, 2):
        assert torch.equal(left[0], left[other])
        assert torch.equal(honest[0], honest[other])


def test_what_a_client_leaves_unasked_is_asked_at_its_place_in_order() -> None:
    defense = Marking()
    front = behind(defense)
    asked(front, [3])
    before = len(defense.counts)
    front.finish(3)
    after = defense.counts[before:]
    assert before + len(after) == 3 + HONEST
    assert after == sorted(after)
    assert max(after) > BUDGET / 2  # the test is of the whole budget, however little was asked


def test_every_message_is_about_one_image_and_says_no_more_than_that() -> None:
    door = Held(Marking())
    front = behind(Marking())
    front._guard._door = door  # type: ignore[attr-defined]
    door._defense = Marking()
    asked(front, [8, 8, 8])
    assert len(door.told) == BUDGET + HONEST
    for told in door.told:
        assert isinstance(told, GuardOne)
        assert told.y is not None
        assert (told.moment, tuple(told.x.shape), tuple(told.y.shape)) == ("guard_output", (1, 3, 8, 8), (1, 3, 8, 8))


def test_the_victim_answers_a_batch_at_once_and_each_test_singly() -> None:
    victim = Negative()
    front = behind(Marking(), (victim, victim))
    asked(front, [8, 8, 8])
    assert sorted(victim.batches) == [1] * HONEST + [8] * 3


def test_plain_answers_are_the_clean_victims_and_what_leaves_the_deployed_ones() -> None:
    class Passing(Defense):
        def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
            return y

    clean, deployed = Negative(1.0), Negative(0.9)
    front = behind(Passing({}), (clean, deployed))
    left = asked(front, [4, 4])
    assert torch.equal(left, KIND.way.answer(deployed, images(8)))
    assert torch.equal(front.plain(TESTS), KIND.way.answer(clean, TESTS))
    assert torch.equal(front.honest(TESTS, digests_of(TESTS)), KIND.way.answer(deployed, TESTS))
    shown = [front.queried(place, 8) for place in range(9)]
    assert torch.equal(torch.cat([each.plain for each in shown[:8]]), KIND.way.answer(clean, images(8)))
    assert torch.equal(torch.cat([torch.as_tensor(each.guarded) for each in shown[:8]]), left)
    assert (shown[8].guarded, len(shown[8].plain)) == (None, 0)


@pytest.mark.parametrize("made", [Marking, Feeding])
def test_what_a_client_asked_is_kept_beside_the_plain_answer(made: type[Marking]) -> None:
    front = behind(made())
    left = asked(front, [1, 7, 8])
    for place in (0, 1, 15):
        shown = front.queried(place, 16)
        assert torch.equal(shown.plain, 255 - images(16)[place : place + 1])
        assert torch.equal(torch.as_tensor(shown.guarded), left[place : place + 1])
    assert front.queried(3, 3).guarded is None  # of those that were paid for


def test_after_a_kill_nothing_honest_is_asked_twice_and_all_comes_out_the_same(tmp_path: Path) -> None:
    straight = behind(Marking())
    asked(straight, [12, 12])
    first = behind(Marking(), file=tmp_path / "honest.sqlite")
    asked(first, [12])
    first.close()
    defense = Marking()
    second = behind(defense, file=tmp_path / "honest.sqlite")
    x = images(24)
    second.answer(x[12:], digests_of(x[12:]), 12)
    second.finish(24)
    assert defense.counts == sorted(set(defense.counts))
    assert min(defense.counts) > 11
    assert torch.equal(second.honest(TESTS, digests_of(TESTS)), straight.honest(TESTS, digests_of(TESTS)))
    for place in range(24):
        one, other = straight.queried(place, 24), second.queried(place, 24)
        assert torch.equal(torch.as_tensor(one.guarded), torch.as_tensor(other.guarded))


def test_what_is_asked_beyond_the_test_is_asked_when_it_is_needed() -> None:
    defense = Marking()
    front = behind(defense)
    front.honest(images(2, seed=7), digests_of(images(2, seed=7)))
    assert defense.counts == [BUDGET + HONEST, BUDGET + HONEST + 1]


def test_of_tests_that_are_only_needed_beside_a_clients_no_more_are_asked_than_it_asked() -> None:
    defense = Marking()
    front = behind(defense, questions=Questions(QUESTIONS.digests, QUESTIONS.question, 2))
    front.finish(4)
    assert len(defense.counts) == 4
    front.finish(0)
    assert len(defense.counts) == 4


def test_an_undefended_victim_answers_plainly_and_shows_nothing() -> None:
    front = Undefended(KIND.way, Negative())
    assert torch.equal(front.answer(TESTS, (), 0), 255 - TESTS)
    assert front.honest(TESTS, ()) is None
    assert front.queried(0, 9).guarded is None
