"""The effect, its interval, and what a larger study could show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gexbench.study.effect import (
    Floats,
    Ratings,
    Shares,
    bootstrap,
    effect,
    images_needed,
    power,
    raters_needed,
)
from gexbench.study.key import StudyError

ROOT = Path(__file__).resolve().parents[2]
SIGNS = np.array([1.0, -1.0] * 4)


def drawn(seed: int, raters: tuple[int, int] = (9, 6), images: int = 12, **parts: float) -> Ratings:
    """Draw ratings with an effect of 0.7; parts: standard deviations of rater, image, slope, own and noise."""
    dice, signs = np.random.default_rng(seed), np.tile([1.0, -1.0], images // 2)
    image, own = (dice.normal(0, parts.get(name, 0), images) for name in ("image", "own"))
    pages: list[Floats] = []
    for count, sign in zip(raters, (signs, -signs), strict=True):
        rater, slope = (dice.normal(0, parts.get(name, 0), (count, 1)) for name in ("rater", "slope"))
        noise = dice.normal(0, parts.get("noise", 0.5), (count, images))
        pages.append(3 + rater + image + sign * (0.7 + slope + own) / 2 + noise)
    return Ratings((pages[0], pages[1]), signs)


def test_raters_and_images_that_are_generally_liked_cancel_to_the_last_digit() -> None:
    plain = drawn(0)
    dice = np.random.default_rng(1)
    image, raters = dice.normal(0, 3, 12), [dice.normal(0, 3, (len(page), 1)) for page in plain.scores]
    moved = Ratings(
        (plain.scores[0] + image + raters[0], plain.scores[1] + image + raters[1]),
        plain.signs,
    )
    one, other = effect(plain).test, effect(moved).test
    assert other.value == pytest.approx(one.value, abs=1e-12)
    assert other.error == pytest.approx(one.error, rel=1e-9)


def test_turning_the_arms_turns_the_effect_and_nothing_else() -> None:
    ratings = drawn(3, rater=0.5, own=0.4)
    one, other = effect(ratings).test, effect(Ratings(ratings.scores, -ratings.signs)).test
    assert other.value == pytest.approx(-one.value, abs=1e-12)
    assert (other.error, other.p) == (pytest.approx(one.error), pytest.approx(one.p))


def test_an_effect_by_hand() -> None:
    scores = np.array([[4, 2, 4, 2, 4, 2, 4, 1], [5, 3, 4, 3, 5, 3, 5, 3]], float)
    found = effect(Ratings((scores, scores[:, ::-1].copy()), SIGNS))
    assert found.test.value == pytest.approx((2.25 + 1.75) / 2)
    assert found.images == 8
    assert found.raters == (2, 2)


def test_variances_of_the_parts_come_out_on_average() -> None:
    parts = {"rater": 0.6, "image": 0.5, "slope": 0.4, "own": 0.7, "noise": 0.9}
    found = [effect(drawn(seed, (20, 20), 20, **parts)).shares for seed in range(60)]
    names = ("rater", "image", "rater_effect", "image_effect", "noise")
    means = [np.mean([getattr(shares, name) for shares in found]) for name in names]
    assert means == pytest.approx([0.36, 0.25, 0.16, 0.49, 0.81], rel=0.15)


@pytest.mark.parametrize(
    "parts",
    [
        {"rater": 0.6, "image": 0.5, "slope": 0.3, "own": 0.4},
        {"own": 1.0, "noise": 0.3},
        {"slope": 1.0, "noise": 0.3},
        {},
    ],
    ids=["all", "images", "raters", "noise"],
)
def test_intervals_hold_the_effect_as_often_as_they_promise(parts: dict[str, float]) -> None:
    found = [effect(drawn(seed, **parts)).test.interval() for seed in range(600)]
    assert np.mean([low <= 0.7 <= high for low, high in (pair or (9, 9) for pair in found)]) == pytest.approx(
        0.96, abs=0.025
    )


def test_the_bootstrap_is_no_narrower_than_the_interval_by_much_and_repeats() -> None:
    ratings = drawn(5, (15, 15), 20, slope=0.3, own=0.4)
    low, high = bootstrap(ratings)
    first, last = effect(ratings).test.interval() or (0, 0)
    assert (low, high) == bootstrap(ratings)
    assert low < 0.7 < high
    assert 0.8 < (high - low) / (last - first) < 1.6


def test_more_images_help_where_images_differ_and_more_raters_do_not() -> None:
    shares = Shares(rater=0.3, image=0.3, rater_effect=0.0, image_effect=1.0, noise=1.0)
    assert power(shares, 12, 80, 0.5) > 0.9 > power(shares, 400, 20, 0.5) > power(shares, 12, 20, 0.5)
    assert raters_needed(shares, 20, 0.5) is None
    needed = images_needed(shares, 12, 0.5)
    assert needed is not None
    assert power(shares, 12, needed, 0.5) >= 0.8 > power(shares, 12, needed - 2, 0.5)


def test_power_is_what_simulated_studies_of_equal_arms_find() -> None:
    shares = Shares(rater=0.0, image=0.0, rater_effect=0.09, image_effect=0.16, noise=1.0)
    found = []
    for seed in range(400):
        ratings = drawn(seed, (12, 12), 20, slope=0.3, own=0.4, noise=1.0)
        found.append(effect(moved(ratings, -0.7)).test.outside(0.4) <= 0.05)
    assert np.mean(found) == pytest.approx(power(shares, 12, 20, 0.4), abs=0.07)


def moved(ratings: Ratings, by: float) -> Ratings:
    first, second = ratings.scores
    return Ratings((first + ratings.signs * by / 2, second - ratings.signs * by / 2), ratings.signs)


def test_too_few_raters_and_ratings_that_do_not_vary_are_refused() -> None:
    with pytest.raises(StudyError, match="page 2 has 1 rater to count"):
        effect(drawn(0, (5, 1)))
    with pytest.raises(StudyError, match="do not vary"):
        effect(Ratings((np.full((3, 8), 3.0), np.full((3, 8), 3.0)), SIGNS))
    with pytest.raises(StudyError, match="do not vary"):
        effect(Ratings((3 + SIGNS * np.ones((3, 1)), 3 - SIGNS * np.ones((3, 1))), SIGNS))


def test_the_page_on_studies_shows_the_simulated_coverage_and_it_is_what_was_promised() -> None:
    told = json.loads((ROOT / "benchmarks/results/study_coverage.json").read_text(encoding="utf-8"))["numbers"]
    page = (ROOT / "docs/user-study.md").read_text(encoding="utf-8")
    for name, study in told.items():
        assert study["draws"] == 1000
        held = f"{study['covered']:.1f} % | {study['covered_pooled']:.1f} %"
        assert f"| {name} | {study['raters'][0]} and {study['raters'][1]}, {study['images']} | {held} |" in page
        assert 93 <= study["covered"] <= (98 if name in ("few raters", "noise alone") else 97)
        assert study["false_equivalence"] <= 5
