"""A service that answers images with images: what it takes, what it tells, and how it is scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import cast

import pytest
import torch
from torch import Tensor

from gexbench.core.dataset import Dataset, Split
from gexbench.core.defense import Defense, History
from gexbench.core.images import from_uint8, to_uint8
from gexbench.engine.kinds import image_to_image
from gexbench.engine.kinds.endpoint import OpenVictim, Weights
from gexbench.engine.kinds.evidence import Exhibits
from gexbench.engine.kinds.evidence import TestEvidence as Shown
from gexbench.engine.kinds.image_to_image import KIND, ImageEndpoint, pattern
from gexbench.engine.kinds.kind import Copy, Witnesses
from gexbench.engine.wire.messages import AnswerUnmetered, DrawUnmetered, Query, Sample
from gexbench.errors import PlanError, QueryError, RunFailed

from ..fronts import front
from ..toy_orders import plan, quiet


class Double:
    """A victim that doubles the side and inverts."""

    digest, latent_size = "0" * 64, None

    def __init__(self) -> None:
        self.batches: list[int] = []

    def answer(self, x: Tensor) -> Tensor:
        self.batches.append(len(x))
        return 1 - x.repeat_interleave(2, -1).repeat_interleave(2, -2)

    def secret(self, use: str) -> bytes:
        return use.encode()

    def weights(self) -> Weights:
        return Weights("", {})

    def with_weights(self, weights: Weights) -> OpenVictim:
        return self


class Noise(Defense):
    """Draws from the question's own generator, and remembers how much was asked before each question."""

    def __init__(self) -> None:
        super().__init__({})
        self.before: list[int] = []

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        self.before.append(history.answered)
        return (y + 0.2 * torch.randn(y.shape, generator=history.generator)).clamp(0, 1)


class Halved(Defense):
    def guard_input(self, x: Tensor, history: History) -> Tensor:
        return x / 2

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        raise AssertionError("no latent is fed to a service that takes images")


def endpoint(defense: Defense | None = None, seed: int = 0, side: int | None = None) -> ImageEndpoint:
    return ImageEndpoint(front(KIND.way, Double(), defense, seed), 2, side)


def images(count: int, seed: int = 0, side: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def doubled(x: Tensor) -> Tensor:
    return 255 - x.repeat_interleave(2, -1).repeat_interleave(2, -2)


def test_a_batch_says_what_is_asked_and_answers_the_new_ones_alone() -> None:
    x = images(4)
    batch = endpoint().batch(Query(x=x), asked=9)
    assert len(set(batch.digests)) == 4
    assert (batch.shape, batch.beside) == ((3, 16, 16), {})
    assert torch.equal(batch.answer([3, 1], 0), doubled(x[[3, 1]]))


def test_an_image_is_known_by_its_pixels_wherever_it_stands() -> None:
    first = endpoint().batch(Query(x=images(4)), 0).digests
    turned = endpoint(seed=5).batch(Query(x=images(4).flip(0)), 7).digests
    assert list(reversed(turned)) == list(first)


@pytest.mark.parametrize(("question", "told"), [(Sample(n=1), "draws none"), (Query(x=images(1, side=4)), "sides of")])
def test_what_the_service_does_not_take_is_refused(question: Query | Sample, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        endpoint().batch(question, 0)


def test_a_service_of_one_side_takes_no_other() -> None:
    with pytest.raises(QueryError, match="the service takes 8x8"):
        endpoint(side=8).batch(Query(x=images(1, side=16)), 0)


def test_it_draws_no_test_images() -> None:
    with pytest.raises(QueryError, match="draws no test images"):
        endpoint().unmetered(DrawUnmetered(first=0, n=1))


def test_large_batches_are_answered_in_parts_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_to_image, "PIXELS_AT_ONCE", 3 * 64)
    victim, x = Double(), images(8)
    assert torch.equal(KIND.way.answer(victim, x), doubled(x))
    assert victim.batches == [3, 3, 2]
    assert torch.equal(KIND.way.answer(victim, images(1, side=32)), doubled(images(1, side=32)))


def test_a_defense_sees_each_question_on_its_own_with_what_was_asked_before() -> None:
    defense = Noise()
    batch = endpoint(defense).batch(Query(x=images(4)), 0)
    together = batch.answer([1, 2, 3], 20)
    assert defense.before == [20, 21, 22]
    assert torch.equal(batch.answer([2], 0), together[1:2])


def test_what_a_defense_draws_depends_on_seed_and_question() -> None:
    answers = [endpoint(Noise(), seed).batch(Query(x=images(2)), 0).answer([0, 1], 0) for seed in (0, 0, 1)]
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
    assert not torch.equal(answers[0][0] - doubled(images(2))[0], answers[0][1] - doubled(images(2))[1])


def test_a_defense_may_change_what_is_fed() -> None:
    answer = endpoint(Halved({})).batch(Query(x=images(3)), 0).answer([0, 1, 2], 0)
    assert torch.equal(answer, doubled(to_uint8(from_uint8(images(3)) / 2)))


def test_a_test_input_gets_a_plain_answer_and_under_a_defense_a_guarded_one() -> None:
    x = images(2)
    assert endpoint().unmetered(AnswerUnmetered(x=x)).guarded is None
    answers = endpoint(Noise()).unmetered(AnswerUnmetered(x=x))
    assert torch.equal(answers.plain, doubled(x))
    assert answers.guarded is not None
    asked = endpoint(Noise()).batch(Query(x=x), 0).answer([0, 1], 0)
    assert torch.equal(answers.guarded, asked)  # an honest user who asks the same is answered the same


def test_every_test_input_is_one_question_of_the_test_however_often_it_is_stored() -> None:
    stored = [*from_uint8(images(3)), *from_uint8(images(2)), from_uint8(images(1, seed=5, side=9))[0]]
    tests = KIND.tests(plan(), Double(), stored)
    assert (len(tests.digests), tests.scored) == (4, 4)
    assert [tuple(tests.question(i).shape) for i in range(4)] == [(1, 3, 8, 8)] * 3 + [(1, 3, 9, 9)]
    assert [image_to_image.digests_of(tests.question(i))[0] for i in range(4)] == list(tests.digests)


def split(count: int) -> Split:
    inputs = tuple(from_uint8(images(count)))
    return Split(tuple(f"image {i}" for i in range(count)), inputs, tuple(from_uint8(doubled(images(count)))))


def evidence(
    tests: dict[str, Split], surrogate: Callable[[Tensor], Tensor] | None, defense: Defense | None = None
) -> dict[str, Shown]:
    copy = Copy(surrogate, None) if surrogate else None
    return KIND.evidence(Witnesses(plan(), tests, endpoint(defense).unmetered, copy, list), quiet)


def grey(x: Tensor) -> Tensor:
    assert x.dtype == torch.uint8
    assert len(x) == 1
    return torch.full((1, 3, 16, 16), 0.5)


def test_every_test_input_is_asked_of_victim_and_surrogate() -> None:
    found = evidence({"few": split(2), "many": split(5)}, grey)
    assert [len(found[name].victim) for name in found] == [2, 5]
    many = found["many"]
    assert many.names[3] == "image 3"
    assert torch.equal(torch.stack(many.inputs), images(5))
    assert torch.equal(torch.stack(many.victim), torch.stack(many.truth))
    assert many.surrogate is not None
    assert [int(image.unique()) for image in many.surrogate] == [128] * 5
    assert (many.guarded, many.queried, many.unqueried) == (None, None, None)


def test_evidence_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(f"{__name__}.quiet", lambda *words: told.append(words))
    evidence({"few": split(2)}, grey)
    assert told == [("collecting evidence", 1, 2), ("collecting evidence", 2, 2)]


def test_the_victim_control_has_no_surrogate_and_a_defense_has_answers_of_its_own() -> None:
    found = evidence({"few": split(2)}, None, Noise())["few"]
    assert found.surrogate is None
    assert found.guarded is not None
    assert len(found.guarded) == 2
    assert not torch.equal(found.guarded[0], found.victim[0])


def test_a_surrogate_that_answers_no_image_of_the_right_size_fails_the_run() -> None:
    with pytest.raises(RunFailed, match=r"returned shape \(1, 3, 8, 8\), not \(1, 3, 16, 16\)"):
        evidence({"few": split(2)}, lambda x: from_uint8(x))


def test_a_batch_says_which_images_were_asked() -> None:
    assert torch.equal(endpoint().batch(Query(x=images(3)), 0).images, images(3))


class Pool:
    """A data set with a pool alone."""

    def pool(self) -> Split:
        return split(3)


def test_the_truth_that_controls_know_is_that_of_the_pool() -> None:
    assert len(KIND.truth(cast(Dataset, Pool()))) == 3


def test_a_card_that_says_how_many_images_are_drawn_is_refused() -> None:
    made = plan()
    KIND.check(made, cast(Dataset, None))
    scale = made.scale.model_copy(update={"samples": 9})
    task = made.task.model_copy(update={"profile": {"mini": scale}})
    with pytest.raises(PlanError, match=r"profile.mini.samples is for services that draw; task 'sr' is of the kind"):
        KIND.check(made.model_copy(update={"task": task}), cast(Dataset, None))


@pytest.mark.parametrize(("task", "pairs"), [("sr", "ABC"), ("monet2photo", "B")])
def test_images_have_pairs_but_for_those_of_a_style(task: str, pairs: str) -> None:
    card = plan(task, "victim").task
    assert "".join(c for c in "ABC" if KIND.has_pairs(card, c)) == pairs  # type: ignore[arg-type]


def test_a_service_is_opened_with_the_numbers_of_its_plan() -> None:
    made = plan("monet2photo", "victim", seed=4)
    opened = KIND.endpoint(made, Double(), front(KIND.way, Double()))
    assert isinstance(opened, ImageEndpoint)
    assert (opened.scale, opened.side) == (made.task.scale, made.scale.side)


def test_a_small_plan_has_the_first_file_of_each_test_split() -> None:
    made = plan()
    tests, small = made.dataset.splits.test, KIND.shrunk(made).dataset.splits.test
    assert {name: listed.files for name, listed in small.items()} == {n: t.files[:1] for n, t in tests.items()}
    assert any(len(listed.files) > 1 for listed in tests.values())
    assert KIND.shrunk(made).task == made.task


class Brighter(Defense):
    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return y + 1


def moments(defense: Defense, scale: int) -> Iterator[tuple[str, Sequence[int], str]]:
    return ((name, tuple(got.shape), wrong) for name, got, wrong in KIND.try_defense(defense, scale))


def test_a_defense_is_tried_on_an_image_and_its_answer() -> None:
    assert list(moments(Defense({}), 3)) == [
        ("guard_input", (1, 3, 24, 32), ""),
        ("guard_output", (1, 3, 72, 96), ""),
    ]
    (_, _, fine), (_, _, wrong) = moments(Brighter({}), 1)
    assert fine == ""
    assert wrong.startswith("values from 1")


def answered_test(levels: range) -> Shown:
    """Return evidence on 8x8 images of these levels: the victim keeps them, the defense adds 1, the suspect 2."""
    sides = [tuple(torch.full((3, 16, 16), level + more, dtype=torch.uint8) for level in levels) for more in range(3)]
    inputs = tuple(torch.full((3, 8, 8), level, dtype=torch.uint8) for level in levels)
    return Shown((), inputs, (), sides[0], sides[1], sides[2])


def exhibited(tests: dict[str, Shown], choose: Callable[[Sequence[Tensor]], Sequence[Tensor]]) -> Exhibits:
    endpoint = ImageEndpoint(front(KIND.way, Double(), Noise()), 2)
    copy = Copy(lambda x: from_uint8(x).repeat_interleave(2, -1).repeat_interleave(2, -2), None)
    witnesses = Witnesses(plan=plan(), tests={}, victim=endpoint.unmetered, surrogate=copy, transfer_set=lambda: ())
    return KIND.exhibits(tests, witnesses, choose)


def levels_of(images: Sequence[Tensor]) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


def test_ownership_is_judged_on_the_first_test_inputs_over_all_splits_as_they_were_answered() -> None:
    found = exhibited({"a": answered_test(range(40)), "b": answered_test(range(100, 140))}, lambda common: common)
    first = [*range(40), *range(100, 124)]
    assert levels_of(found.inputs) == first
    assert levels_of(found.plain) == levels_of(found.unmarked) == first
    assert levels_of(found.marked) == [level + 1 for level in first]
    assert levels_of(found.suspect) == [level + 2 for level in first]


def test_a_question_that_a_defense_chose_itself_is_asked_of_all() -> None:
    x = torch.full((3, 24, 24), 200, dtype=torch.uint8)
    found = exhibited({"a": answered_test(range(3))}, lambda common: [x, common[1]])
    assert levels_of(found.inputs) == [200, 1]
    assert levels_of(found.plain) == [55, 1]
    assert levels_of(found.suspect) == [200, 3]
    assert found.marked[0].shape == (3, 48, 48)
    assert not torch.equal(found.marked[0], found.plain[0])


def test_a_question_that_the_service_would_refuse_is_refused_here_too() -> None:
    with pytest.raises(QueryError, match="the service takes up to 576 pixels"):
        exhibited({"a": answered_test(range(3))}, lambda common: [torch.zeros(3, 64, 64, dtype=torch.uint8)])


def test_without_a_surrogate_the_defended_service_is_the_suspect() -> None:
    test = replace(answered_test(range(3)), surrogate=None)
    assert levels_of(exhibited({"a": test}, lambda common: common).suspect) == [1, 2, 3]


def test_a_victim_is_tried_on_an_image_of_each_size_and_answers_enlarged() -> None:
    tried = KIND.tried(plan(), Double(), [(16, 24)])
    assert [(tuple(each.x.shape), each.size) for each in tried] == [((1, 3, 16, 24), (64, 96))]


def test_a_surrogate_is_probed_with_the_first_image_of_the_pool() -> None:
    pool = [torch.full((3, 8, 8), 0.2), torch.full((3, 8, 8), 0.4)]
    first = KIND.probe(pool, None, 0)
    assert first is not None
    assert torch.equal(first, torch.full((1, 3, 8, 8), 51, dtype=torch.uint8))
    assert KIND.probe([], None, 0) is None


def test_the_pattern_has_slopes_down_and_across_and_an_edge_and_a_little_grain() -> None:
    down, across, edge = pattern(32, 48)[0]
    steps, wide = torch.linspace(0, 1, 32), torch.linspace(0, 1, 48)
    for slope, plane in ((steps[:, None], down), (wide, across)):
        assert float((0.9 * slope - plane).abs().max()) <= 0.1
    assert torch.equal(edge >= 0.9, steps[:, None] + wide > 1)
    assert down.std(1).mean() > 0.02
