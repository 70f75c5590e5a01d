"""What the answers of a study show, by the rules that its key holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gexbench.boards.pair_tests import PairTest
from gexbench.study.answers import Rater, anchor, faults, ratings
from gexbench.study.effect import (
    LEVEL,
    Effect,
    Ratings,
    bootstrap,
    effect,
    images_needed,
    power,
    raters_needed,
)
from gexbench.study.key import SCORES, Key, StudyError
from gexbench.study.pooled import Pooled, Summary, pooled

TRAPS = (
    "Answers that were not handed in, or that somebody left out, are not in here: see how many of the raters answered.",
    "The margin is the one in the key, and the key is what pages and answers are named by. A margin sought until its p "
    "falls below 0.05 shows nothing.",
    "No significant difference is not equivalence: a small study finds none whatever there is. Significant means a p "
    "below the level, for either test.",
    "Ratings of one picture, and of one rater, are alike. Pooled as if they were not, they make intervals too narrow "
    "where the effect is another for each picture or rater, and too wide where it is not: see the pooled analysis.",
    "The margin is in points of the scale. Cohen's d divides by the spread of these answers, so a bound on d moves "
    "with the raters.",
    "Two services can be rated alike because both are rated badly: see how the anchors were rated.",
    "There is one question and one test that decides, so there is nothing to correct for. Several studies of one claim "
    "need Holm's correction.",
)


@dataclass(frozen=True)
class Finding:
    """The effect among some raters. means: of arms a and b. interval: two-way bootstrap. independent: the paper's."""

    effect: Effect
    ratings: Ratings
    means: tuple[float, float]
    interval: tuple[float, float]
    independent: Pooled | None

    @property
    def test(self) -> PairTest:
        """Return the test of the effect."""
        return self.effect.test


@dataclass(frozen=True)
class Report:
    """A study's result. kept: by raters whom no rule leaves out, None where too few are left, as `lacking` says."""

    study: str
    key: Key
    raters: Sequence[Rater]
    left_out: Mapping[str, Sequence[str]]
    everyone: Finding
    kept: Finding | None
    lacking: str

    @property
    def answer(self) -> str:
        """Return what is concluded."""
        return concluded(self.kept.test, self.key.rules.margin) if self.kept else f"undecided: {self.lacking}"

    @property
    def invited(self) -> int:
        """Return how many raters have a code."""
        return sum(len(group.raters) for group in self.key.groups)

    @property
    def counted(self) -> list[Rater]:
        """Return the raters whom no rule leaves out."""
        return [rater for rater in self.raters if rater.code not in self.left_out]


def analyse(raters: Sequence[Rater], key: Key, study: str) -> Report:
    """Return the report; raises StudyError with too few raters on a page, or where all ratings are one."""
    left_out = {rater.code: why for rater in raters if (why := faults(rater, key))}
    everyone, kept, lacking = _finding(raters, key), None, ""
    try:
        kept = _finding([rater for rater in raters if rater.code not in left_out], key)
    except StudyError as error:
        lacking = f"{error}, after the rules"
    return Report(study, key, raters, left_out, everyone, kept, lacking)


def _finding(raters: Sequence[Rater], key: Key) -> Finding:
    found = ratings(raters, key)
    result = effect(found)
    arms = [found.of_arm(arm) for arm in (-1, 1)]
    means = float(arms[0].mean()), float(arms[1].mean())
    a, b = (Summary(float(arm.mean()), float(arm.std(ddof=1)), arm.size) for arm in arms)
    return Finding(result, found, means, bootstrap(found), pooled(b, a) if a.std or b.std else None)


def concluded(test: PairTest, margin: float) -> str:
    """Return what a test says: the arms are equivalent, they differ, both, or neither is shown."""
    same, apart = test.outside(margin) <= LEVEL, test.p <= LEVEL
    if same:
        return "equivalent, although they differ" if apart else "equivalent"
    return "different" if apart else "undecided"


def document(report: Report) -> dict[str, Any]:
    """Return the report as plain data."""
    key = report.key
    return {
        "study": report.study,
        "task": key.task,
        "profile": key.profile,
        "arms": {arm: side.model_dump() for arm, side in zip("ab", key.sides, strict=True)},
        "rules": key.rules.model_dump(),
        "answer": report.answer,
        "invited": report.invited,
        "answered": len(report.raters),
        "left_out": {code: list(why) for code, why in report.left_out.items()},
        "counted": told(report.kept, key) if report.kept else None,
        "everyone": told(report.everyone, key),
        "anchors": {
            "untranslated": anchor(report.counted, key, "untranslated"),
            "true_style": anchor(report.counted, key, "true-style"),
        },
        "answers_sha256": sorted({rater.sha256 for rater in report.raters}),
        "traps": list(TRAPS),
    }


def told(found: Finding, key: Key) -> dict[str, Any]:
    """Return a finding as plain data."""
    result, test, margin = found.effect, found.test, key.rules.margin
    wide, narrow = test.interval(0.95), test.interval(0.90)
    return {
        "raters": list(result.raters),
        "images": result.images,
        "means": dict(zip("ab", found.means, strict=True)),
        "scores": {arm: counts(found.ratings, sign) for arm, sign in (("a", -1), ("b", 1))},
        "effect": test.value,
        "standard_error": test.error,
        "degrees_of_freedom": test.freedom,
        "interval_95": list(wide) if wide else None,
        "interval_90": list(narrow) if narrow else None,
        "bootstrap_95": list(found.interval),
        "p_difference": test.p,
        "p_equivalence": test.outside(margin),
        "cohens_d": result.d,
        "variances": asdict(result.shares),
        "correlation_of_rater": result.shares.of_raters,
        "correlation_of_picture": result.shares.of_images,
        "detectable": test.detectable(),
        "power": power(result.shares, min(result.raters), result.images, margin),
        "raters_a_page_needed": raters_needed(result.shares, result.images, margin),
        "images_needed": images_needed(result.shares, min(result.raters), margin),
        "pooled": asdict(found.independent) if found.independent else None,
    }


def counts(found: Ratings, arm: int) -> list[int]:
    """Return how often each score was given to an arm: -1 is a, +1 is b."""
    scores = found.of_arm(arm)
    return [int((scores == score).sum()) for score in SCORES]
