"""How far the numbers of one row lie apart by training alone, from the records of its board.

With three or five seeds a row's own variance is known badly, and the quantile that Bonferroni's correction asks for is
huge. So half of the variance of a number is its own, and half what the other rows of the profile lead one to expect: a
factor of the row (some attacks are noisier in everything) times one of the number. That counts as one degree of
freedom more. `benchmarks/verify_power.py` measures what comes of it. After Smyth 2004, Linear models and empirical
Bayes methods (limma), with a fixed weight and a small gain: the estimated ones gave more false alarms than they
promised, since now and then a training comes out far from all others.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gexbench.cards.fields import Frozen

FAMILY = 0.05
"""The probability that an honest second run differs from its record in any number."""
ROUNDS = 6
"""How often the factors of rows and numbers are fitted in turns."""
ALONE = "another seed of this row beside the record, or on the board here, to know how far training alone goes"
"""What is lacking where nothing says how far two trainings of one plan may lie apart."""
Where = Literal["A", "B", "C", "honest", "queried"]
Place = tuple[str, Where, str]
"""Metric, comparison and test split of a number."""
Numbers = Mapping[Place, float]


class Usual(Frozen):
    """Where a number of a row lies with the wanted probability: `mean` plus or minus `tolerance`."""

    mean: float
    tolerance: float


@dataclass(frozen=True)
class Held:
    """What the noise of a row says of a record's numbers and of a second run's; empty where no noise is allowed.

    lacking: why the noise is not known, by the numbers of which it is not.
    """

    recorded: dict[Place, Usual] = field(default_factory=dict)
    again: dict[Place, Usual] = field(default_factory=dict)
    lacking: dict[Place, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Noise:
    """The other rows of a profile, and how far a metric may be off where nothing is trained.

    rows: of each row the numbers of its seeds. own: by metric.
    """

    rows: Sequence[Sequence[Numbers]]
    own: Mapping[str, float]

    def held(self, first: Numbers, second: Numbers, seeds: Sequence[Numbers]) -> Held:
        """Return what noise allows a record (`first`), a second run, and the row's other seeds to differ.

        None to what the victim scores (A), nor to a row whose seeds are alike. Each run is held against the other and
        all seeds: either may be out of line, or all but the second run. One that repeats more than half of what varies
        has come out the same; then all of it must.
        """
        places = [place for place in first if place in second and place[1] != "A"]
        if seeds and any(alike([*seeds, run], places, self.own) for run in (first, second)):
            return Held()
        varying = [place for place in places if not alike([*seeds, second], [place], self.own)]
        if 2 * sum(first[p] == second[p] for p in varying) > len(varying):
            return Held()
        recorded, again = (self.usual([*seeds, run], places) for run in (second, first))
        return Held(recorded, again, {p: ALONE for p in places if p not in recorded or p not in again})

    def usual(self, seeds: Sequence[Numbers], places: Sequence[Place]) -> dict[Place, Usual]:
        """Return where one more seed of a row lies in each of `places`, those left out that fewer than two seeds have.

        The intervals are Student's for one more value, t(df)·s·sqrt(1 + 1/n), for FAMILY / 2 over all places: there
        are two runs to look at, the record and the second. None is narrower than the metric's own tolerance.
        """
        known = {place: values for place in places if len(values := finite(seeds, place)) > 1}
        own = {place: statistics.variance(values) for place, values in known.items()}
        others = [row for row in self.rows if not alike(row, places, self.own)]
        usual = _expected([own, *(_variances(row, places) for row in others)]) if others else own
        return {
            place: Usual(
                mean=statistics.fmean(values),
                tolerance=max(
                    self.own[place[0]],
                    _quantile(len(values) - (0 if others else 1), FAMILY / 4 / len(places))
                    * math.sqrt((own[place] + usual.get(place, own[place])) / 2 * (1 + 1 / len(values))),
                ),
            )
            for place, values in known.items()
        }


def finite(seeds: Iterable[Numbers], place: Place) -> list[float]:
    """Return a number of each seed that has it, infinite ones left out."""
    return [seed[place] for seed in seeds if math.isfinite(seed.get(place, math.inf))]


def alike(seeds: Sequence[Numbers], places: Iterable[Place], own: Mapping[str, float]) -> bool:
    """Return whether seeds change nothing: each number is within its metric's own tolerance in all of them."""
    found = ((place, [seed[place] for seed in seeds if place in seed]) for place in places)
    return all(max(v) - min(v) <= own[place[0]] or len(set(v)) == 1 for place, v in found if v)


def _variances(seeds: Sequence[Numbers], places: Iterable[Place]) -> dict[Place, float]:
    return {p: statistics.variance(values) for p in places if len(values := finite(seeds, p)) > 1}


def _expected(rows: Sequence[Mapping[Place, float]]) -> dict[Place, float]:
    """Return the variances of the first row that factors of rows and numbers lead one to expect.

    rows: variances by place. Those of 0 say nothing about a factor: a number that stands still cannot be scaled.
    """
    some = [{place: value for place, value in row.items() if value > 0} for row in rows]
    of_row, of_place = [1.0] * len(rows), dict[Place, float]()
    for _ in range(ROUNDS):
        for place in {place for row in some for place in row}:
            of_place[place] = statistics.fmean(
                row[place] / a for row, a in zip(some, of_row, strict=True) if place in row
            )
        of_row = [statistics.fmean(v / of_place[p] for p, v in row.items()) if row else 1.0 for row in some]
    return {place: of_row[0] * value for place, value in of_place.items()}


def _quantile(freedom: float, tail: float) -> float:
    """Return the value that Student's t is above with probability `tail`."""
    from scipy.special import stdtrit

    return -float(stdtrit(freedom, tail))
