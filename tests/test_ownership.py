"""Verdicts on ownership: against hand values, against scipy, and by simulation."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import pytest
from pydantic import ValidationError
from scipy import stats

from gexbench.ownership import (
    LEVEL,
    Innocent,
    Ownership,
    Scored,
    auc,
    found,
    interval,
    judged,
    lower_bound,
    rank_p,
    sets_threshold,
    threshold,
    upper_bound,
)


def innocent(number: int, score: float, p: float | None = None) -> Innocent:
    name = hashlib.sha256(str(number).encode()).hexdigest()
    return Innocent(id=name, made=f"pix2pix, seed {number}", score=score, p=p, sets_threshold=False)


def innocents(scores: list[float]) -> list[Innocent]:
    return [innocent(number, score) for number, score in enumerate(scores)]


def verdict(suspect: float, scores: list[float], p: float | None = None, **others: Any) -> Ownership:
    plain = Scored(score=0.0, p=None if p is None else 0.5)
    return judged(Scored(score=suspect, p=p), Scored(score=50.0, p=p), plain, innocents(scores), outputs=64, **others)


def test_rank_p_counts_the_innocents_at_or_above() -> None:
    assert rank_p(2.0, [1.0, 2.0, 3.0]) == 3 / 4
    assert rank_p(9.0, [0.0] * 99) == 0.01
    assert rank_p(9.0, []) == 1.0


def test_a_threshold_is_passed_by_rank_at_its_level() -> None:
    assert threshold([]) is None
    assert threshold([3.0, 1.0, 2.0]) == (3.0, 1 / 4)
    assert threshold([float(i) for i in range(99)]) == (98.0, 0.01)
    above, level = threshold([float(i) for i in range(299)]) or (0.0, 0.0)
    assert (above, level) == (296.0, 0.01)
    assert rank_p(above + 0.5, [float(i) for i in range(299)]) == pytest.approx(0.01)


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (0, 30), (1, 99), (10, 10), (7, 20), (3, 299)])
def test_the_interval_is_that_of_clopper_and_pearson(hits: int, n: int) -> None:
    theirs = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    assert interval(hits, n) == pytest.approx((theirs.low, theirs.high))


def test_ten_of_ten_and_299_without_alarm_show_what_the_tables_say() -> None:
    assert lower_bound(10, 10) == pytest.approx(0.741, abs=5e-4)
    assert lower_bound(30, 30) == pytest.approx(0.905, abs=5e-4)
    assert upper_bound(0, 299) <= LEVEL < upper_bound(0, 298)
    assert upper_bound(1, 473) <= LEVEL < upper_bound(1, 472)
    assert interval(0, 0) == (0.0, 1.0)


def test_auc_is_the_share_of_pairs_that_mann_and_whitney_count() -> None:
    guilty, others = [3.0, 5.0, 1.0], [1.0, 2.0, 0.0, 4.0]
    u = stats.mannwhitneyu(guilty, others).statistic
    assert auc(guilty, others) == pytest.approx(u / 12)
    assert auc([], others) is None


def test_half_of_the_innocents_set_the_threshold_and_the_others_certify() -> None:
    told = verdict(9.0, [float(i % 7) for i in range(99)])
    setting = [each for each in told.innocents if each.sets_threshold]
    assert (len(setting), len(told.innocents)) == (50, 99)
    assert told.threshold == max(each.score for each in setting)
    assert told.level == pytest.approx(1 / 51)
    assert told.detected
    assert told.certifiable
    assert not told.certified
    assert told.false_alarm_rate == interval(told.false_alarms, 49)


def test_few_innocents_cannot_certify_and_say_so() -> None:
    told = verdict(9.0, [0.0, 1.0, 2.0])
    assert told.rank_p == 1 / 4
    assert told.detected
    assert not told.certifiable


def test_without_innocents_an_exact_p_decides_alone_and_nothing_without_one() -> None:
    assert verdict(9.0, [], p=0.001).detected
    assert not verdict(9.0, [], p=0.02).detected
    assert not verdict(9.0, []).detected
    assert verdict(9.0, []).threshold is None


def test_an_exact_p_does_not_outvote_the_innocents() -> None:
    assert not verdict(1.0, [5.0, 6.0, 7.0], p=1e-9).detected


def test_no_verdict_is_sane_where_plain_answers_are_found_too() -> None:
    claim = Scored(score=5.0, p=1e-6)
    told = judged(claim, claim, claim, [], outputs=64)
    assert not told.sane
    assert not told.detected
    low = judged(claim, claim, Scored(score=1.0, p=1e-6), [], outputs=64)
    assert not low.sane


def test_a_nominal_one_per_cent_is_kept_on_innocents_that_did_not_set_the_threshold() -> None:
    chance, alarms, trials = random.Random(5), 0, 4000
    for _ in range(trials):
        scores = [chance.lognormvariate(0.0, 1.5) for _ in range(100)]
        above, level = threshold(scores[:99]) or (0.0, 0.0)
        assert level == 0.01
        alarms += found(Scored(score=scores[99]), above)
    low, high = interval(alarms, trials)
    assert low <= LEVEL <= high


def test_a_verdict_comes_back_from_its_json() -> None:
    told = verdict(9.0, [float(i) for i in range(8)], asked=3, note="as it came")
    assert Ownership.model_validate_json(told.model_dump_json()) == told


@pytest.mark.parametrize(
    "edit",
    [
        {"detected": False},
        {"threshold": 0.5},
        {"rank_p": 0.01},
        {"certifiable": True},
        {"certified": True},
        {"false_alarms": 1},
        {"false_alarm_rate": [0.0, 0.001]},
        {"asked": 65},
        {"suspect": {"score": 0.0}},
        {"innocents": []},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_a_verdict_that_does_not_follow_from_its_scores_is_refused(edit: dict[str, Any]) -> None:
    told = verdict(9.0, [float(i) for i in range(8)])
    with pytest.raises(ValidationError):
        Ownership.model_validate({**told.model_dump(), **edit})


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(score: float) -> None:
    with pytest.raises(ValidationError):
        Scored(score=score)
    with pytest.raises(ValidationError):
        Scored(score=1.0, figures={"a": score})


def test_figures_are_few_and_have_short_names() -> None:
    with pytest.raises(ValidationError):
        Scored(score=1.0, figures={str(i): 0.0 for i in range(17)})
    with pytest.raises(ValidationError):
        Scored(score=1.0, figures={"a b": 0.0})


def test_every_other_innocent_sets_the_threshold_whatever_order_they_come_in() -> None:
    one, two = verdict(9.0, [1.0, 2.0, 3.0]), verdict(9.0, [1.0, 2.0, 3.0])
    shuffled = judged(one.suspect, one.marked, one.plain, one.innocents[::-1], outputs=64)
    assert shuffled == two
    assert [each.sets_threshold for each in two.innocents] == [sets_threshold(0), sets_threshold(1), sets_threshold(2)]
