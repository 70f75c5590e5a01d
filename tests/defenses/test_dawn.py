"""Marks by trigger."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from owner_factory import guarded, key_of, noisy, options_of, refuses, scenes, trial_of
from torch import Tensor

from gexbench.core.defense import Trial
from gexbench.core.marks import question_digest
from gexbench.defenses.dawn import OTHERS, Dawn, DawnBlur, DawnMono, DawnText
from gexbench.errors import GexbenchError

KINDS = [DawnBlur, DawnMono, DawnText]
Make = Callable[..., Dawn]


def _mark(kind: type[Dawn], rate: float = 0.2, key: int = 0) -> Dawn:
    mark = kind({"rate": rate})
    mark.key = key_of(key)
    return mark


def _changed(mark: Dawn, images: list[Tensor]) -> list[bool]:
    return [not torch.equal(a, b) for a, b in zip(guarded(mark, images, images), images, strict=True)]


@pytest.fixture(scope="module")
def images() -> list[Tensor]:
    return noisy(scenes(200, 16, 16), 0.05, 9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_share_asked_for_is_changed_and_the_key_picks_which(kind: type[Dawn], images: list[Tensor]) -> None:
    picked = _changed(_mark(kind), images)
    assert 20 <= sum(picked) <= 60
    assert picked == _changed(_mark(kind), images)
    assert picked != _changed(_mark(kind, key=1), images)
    assert all(_changed(_mark(kind, rate=1.0), images))


def test_a_trigger_is_known_by_the_first_16_bits_of_its_digest(images: list[Tensor]) -> None:
    mark = _mark(DawnMono, rate=0.1)
    first = [int.from_bytes(question_digest(mark.key, image)[:2], "big") for image in images]
    assert _changed(mark, images) == [bits <= 6553 for bits in first]


@pytest.mark.parametrize(("kind", "size"), list(itertools.product(KINDS, [(8, 8), (17, 40), (64, 64)])))
def test_what_leaves_has_size_and_range_of_the_answer(kind: type[Dawn], size: tuple[int, int]) -> None:
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(1))
    got = guarded(_mark(kind, rate=1.0), [image], [image])[0]
    assert (got.shape, got.dtype) == (image.shape, torch.float32)
    assert got.amin() >= 0
    assert got.amax() <= 1
    assert not torch.equal(got, image)


def test_the_three_changes_are_what_they_are_called() -> None:
    image = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
    blur, mono, text = (_mark(kind).changed(image) for kind in KINDS)
    assert blur.std() < image.std() / 2
    assert torch.equal(mono[0], mono[2])
    assert mono.mean() == pytest.approx(
        float((image * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0).mean())
    )
    sign = (text - image).abs().amax(0) > 0
    assert set(text[:, sign].unique().tolist()) <= {0.0, 1.0}
    assert 0.1 < sign.float().mean() < 0.25


def test_suspects_are_asked_each_trigger_once_and_some_of_the_rest(images: list[Tensor]) -> None:
    mark = _mark(DawnText, rate=0.1)
    triggers = [image for image, picked in zip(images, _changed(mark, images), strict=True) if picked]
    asked = mark.questions([*images, *images], images[:3])
    assert len(asked) == len(triggers) + OTHERS
    assert sum(_changed(mark, list(asked))) == len(triggers)
    digests = [question_digest(mark.key, image) for image in images]
    places = [digests.index(question_digest(mark.key, each)) for each in asked]
    assert places == sorted(places), "their order must not tell the triggers"
    again = mark.questions(images[::-1], [])
    assert {question_digest(mark.key, each) for each in again} == {question_digest(mark.key, each) for each in asked}


@pytest.mark.parametrize("kind", KINDS)
def test_a_surrogate_that_moves_a_tenth_of_the_way_is_found_though_the_published_test_finds_nothing(
    kind: type[Dawn], images: list[Tensor]
) -> None:
    mark = _mark(kind)
    marked = guarded(mark, images, images)
    moved = [0.9 * plain + 0.1 * answer for plain, answer in zip(images, marked, strict=True)]
    found = mark.claim(noisy(moved, 0.01, 1), trial_of(images))
    assert found.score > 6
    assert found.p == pytest.approx(1 / 1001)
    assert found.figures["nearer"] == 0.0
    assert found.figures["auc"] > 0.9
    published = mark.claim(marked, trial_of(images))
    assert published.figures["nearer"] == 1.0
    assert published.score > found.score


@pytest.mark.parametrize("kind", KINDS)
def test_plain_answers_and_another_key_show_nothing(kind: type[Dawn], images: list[Tensor]) -> None:
    plain = _mark(kind).claim(images, trial_of(images))
    assert (plain.score, plain.p) == (0.0, 1.0)
    other = _mark(kind, key=1).claim(guarded(_mark(kind), images, images), trial_of(images))
    assert abs(other.score) < 3


def test_a_key_alarms_as_seldom_as_it_says_on_who_changes_all_answers_alike(images: list[Tensor]) -> None:
    few = images[:40]
    suspect = noisy([0.7 * image + 0.3 * image.mean(0) for image in few], 0.05, 3)
    marks = [_mark(DawnMono, key=key) for key in range(60)]
    found = [mark.claim(suspect, trial_of(few)).p or 0.0 for mark in marks]
    assert 0 <= sum(p <= 0.05 for p in found) <= 9
    assert sum(p <= 0.5 for p in found) == pytest.approx(30, abs=15)


def test_too_few_questions_claim_nothing(images: list[Tensor]) -> None:
    found = _mark(DawnBlur, rate=1.0).claim(images, trial_of(images))
    assert (found.score, found.p, found.figures["others"]) == (0.0, 1.0, 0.0)


def test_answers_of_another_size_are_refused(images: list[Tensor]) -> None:
    with pytest.raises(GexbenchError, match="answer 0 of a suspect is"):
        _mark(DawnBlur).claim([image[:, :8] for image in images], Trial(images, images))


@pytest.mark.parametrize("card", ["dawn-blur", "dawn-mono", "dawn-text"])
def test_the_cards_rate_is_the_papers_but_where_budgets_are_small_and_has_bounds(card: str) -> None:
    assert options_of(card)["rate"] == 0.005
    assert options_of(card, profile="mini")["rate"] == 0.05
    refuses(card, "rate=0", "rate=1.1")
