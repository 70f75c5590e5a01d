"""Ownership: from what a defense concludes of each model to a verdict, and what innocents say of it.

The unit is the model. An innocent is one that never learned from marked answers. Half of the innocents, by their order,
set a threshold, the other half tell how often it is passed for nothing. A model is *found* when its score lies above
the threshold, where there is one, and its exact p is at most the level, where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, model_validator

from gexbench.cards.fields import Frozen, Label, Line, Sha256

LEVEL = 0.01
"""The rate of false alarms that a verdict is meant to have."""
CONFIDENCE = 0.95
MOST_FIGURES = 16
MOST_INNOCENTS = 4096
Finite = Annotated[float, Field(allow_inf_nan=False)]
Chance = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Figures = Annotated[dict[Label, Finite], Field(max_length=MOST_FIGURES)]


class Scored(Frozen):
    """What a defense concluded of one model's outputs; see core.defense.Claim."""

    score: Finite
    p: Chance | None = None
    figures: Figures = {}


class Innocent(Frozen):
    """An innocent model: the digest of what it is, how it was made, what was concluded of it, what it is used for."""

    id: Sha256
    made: Line
    score: Finite
    p: Chance | None = None
    sets_threshold: bool


class Ownership(Frozen):
    """The stage of a run that asks whether its surrogate learned from marked answers.

    outputs: how many of each model were looked at; asked: how many of these were on questions that clients had asked.
    marked, plain: the defended answers themselves, and those of the undefended victim. threshold: None without
    innocents; level: the rate of false alarms that it stands for, 1/(n+1) where n innocents are too few for LEVEL.
    rank_p: the suspect's among all innocents. false_alarms: innocents that did not set the threshold and were found,
    with the two-sided Clopper-Pearson interval of their rate. sane: marked answers are found and plain ones are not.
    certifiable: rank_p can reach LEVEL. certified: the one-sided bound of the rate of false alarms is at most LEVEL.
    evidence_sha256: of the trial's files that are kept beside the record.
    """

    outputs: Annotated[int, Field(ge=1)]
    asked: Annotated[int, Field(ge=0)] = 0
    suspect: Scored
    marked: Scored
    plain: Scored
    innocents: Annotated[tuple[Innocent, ...], Field(max_length=MOST_INNOCENTS)] = ()
    threshold: Finite | None
    level: Chance | None
    rank_p: Chance | None
    false_alarms: Annotated[int, Field(ge=0)]
    false_alarm_rate: tuple[Chance, Chance]
    sane: bool
    detected: bool
    certifiable: bool
    certified: bool
    evidence_sha256: Sha256 | None = None
    note: Line = ""

    @model_validator(mode="after")
    def _follows_from_its_scores(self) -> Ownership:
        if self.asked > self.outputs:
            raise ValueError(f"{self.asked} of {self.outputs} outputs are on questions that were asked")
        ids = [each.id for each in self.innocents]
        if ids != sorted(set(ids)):
            raise ValueError("innocents do not stand once each in the order of their ids")
        for place, each in enumerate(self.innocents):
            if each.sets_threshold != sets_threshold(place):
                raise ValueError(f"innocent {each.id[:8]} is on the wrong side: every other one sets the threshold")
        for name, value in _verdict(self.suspect, self.marked, self.plain, self.innocents).items():
            if not _same(getattr(self, name), value):
                raise ValueError(f"{name} is {getattr(self, name)}, and the scores give {value}")
        return self


def judged(suspect: Scored, marked: Scored, plain: Scored, innocents: Sequence[Innocent], **others: Any) -> Ownership:
    """Return the verdict on a suspect; innocents: in any order; others: the remaining fields of Ownership."""
    ordered = sorted(innocents, key=lambda each: each.id)
    told = tuple(
        each.model_copy(update={"sets_threshold": sets_threshold(place)}) for place, each in enumerate(ordered)
    )
    verdict = _verdict(suspect, marked, plain, told)
    return Ownership(suspect=suspect, marked=marked, plain=plain, innocents=told, **verdict, **others)


def sets_threshold(place: int) -> bool:
    """Say whether the innocent at a place, in the order of ids, helps to set the threshold: every other one does."""
    return place % 2 == 0


def threshold(innocents: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """Return the score that one more innocent exceeds with at most some probability, and that probability.

    It is `level` where innocents are many enough, else the least there is, 1/(n+1) above the highest of n. Holds for
    scores of any distribution, if innocents are drawn as the one more is. None without innocents.
    """
    if not innocents:
        return None
    rank = max(1, _rank(len(innocents), level))
    return sorted(innocents, reverse=True)[rank - 1], rank / (len(innocents) + 1)


def rank_p(score: float, innocents: Sequence[float]) -> float:
    """Return how likely an innocent scores as high, by its rank among n others; at least 1/(n+1)."""
    return (1 + sum(each >= score for each in innocents)) / (len(innocents) + 1)


def found(claim: Scored | Innocent, above: float | None) -> bool:
    """Say whether a model is found to have learned from marked answers; above: the threshold, None for none."""
    if claim.p is None and above is None:
        return False
    return (above is None or claim.score > above) and (claim.p is None or claim.p <= LEVEL)


def interval(hits: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the two-sided interval of Clopper and Pearson (1934) for a rate of which `hits` of `n` were seen."""
    tail = (1 - confidence) / 2
    return _least(hits, n, tail), _most(hits, n, tail)


def upper_bound(hits: int, n: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound of Clopper and Pearson for a rate; 1 where n is 0."""
    return _most(hits, n, 1 - confidence)


def lower_bound(hits: int, n: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided lower bound of Clopper and Pearson for a rate; 0 where n is 0."""
    return _least(hits, n, 1 - confidence)


def auc(guilty: Sequence[float], innocents: Sequence[float]) -> float | None:
    """Return the share of pairs in which the guilty model scores higher, a tie counting half (Mann and Whitney).

    None where either side is empty.
    """
    if not guilty or not innocents:
        return None
    won = sum((g > i) + (g == i) / 2 for g in guilty for i in innocents)
    return won / (len(guilty) * len(innocents))


def _verdict(suspect: Scored, marked: Scored, plain: Scored, innocents: Sequence[Innocent]) -> dict[str, Any]:
    scores = [each.score for each in innocents]
    line = threshold([each.score for each in innocents if each.sets_threshold])
    above, level = line if line is not None else (None, None)
    others = [each for each in innocents if not each.sets_threshold]
    alarms = sum(found(each, above) for each in others)
    known = above is not None or marked.p is not None
    sane = marked.score > plain.score and (not known or (found(marked, above) and not found(plain, above)))
    return {
        "threshold": above,
        "level": level,
        "rank_p": rank_p(suspect.score, scores) if scores else None,
        "false_alarms": alarms,
        "false_alarm_rate": interval(alarms, len(others)),
        "sane": sane,
        "detected": sane and found(suspect, above),
        "certifiable": _rank(len(scores), LEVEL) >= 1,
        "certified": upper_bound(alarms, len(others)) <= LEVEL,
    }


def _rank(n: int, level: float) -> int:
    """Return how many of n innocents one more may have above it at a level, and be the next."""
    return math.floor(level * (n + 1) + 1e-9)


def _most(hits: int, n: int, tail: float) -> float:
    from scipy.special import betaincinv

    return 1.0 if hits >= n else float(betaincinv(hits + 1, n - hits, 1 - tail))


def _least(hits: int, n: int, tail: float) -> float:
    from scipy.special import betaincinv

    return 0.0 if hits <= 0 else float(betaincinv(hits, n - hits + 1, tail))


def _same(a: object, b: object) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return math.isclose(a, b, rel_tol=1e-9) if isinstance(a, float) and isinstance(b, float) else a == b
