"""How often a study's 95 % interval holds the true effect, by simulated raters whose effect is known.

    python benchmarks/study_coverage.py [--draws 1000]

A rating is drawn as the model of `gexbench/study/effect.py` says, all parts normal, and rounded to the scale of 1 to 5;
the true effect is that of rounded ratings, computed from the normal distribution. Prints JSON by kind of study: the
share of intervals that hold it, the share that call arms equivalent whose effect is the margin (at most 5 % may), and
beside both what comes of ratings that are treated as independent.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass

import numpy as np

from gexbench.study.effect import LEVEL, Floats, Ratings, effect
from gexbench.study.pooled import Summary, pooled

SEED = 27


@dataclass(frozen=True)
class Raters:
    """A kind of study. raters: of each page. The rest: the effect, and standard deviations of the parts of a rating."""

    raters: tuple[int, int]
    images: int
    arm: float
    rater: float = 0.6
    image: float = 0.5
    rater_effect: float = 0.3
    image_effect: float = 0.4
    noise: float = 1.0

    @property
    def spread(self) -> float:
        """Return the standard deviation of a rating of an arm."""
        own = self.rater**2 + self.image**2 + (self.rater_effect**2 + self.image_effect**2) / 4
        return math.sqrt(own + self.noise**2)

    def expected(self, sign: int) -> float:
        """Return the mean of rounded ratings of an arm: 1 and what lies above each step."""
        from scipy.special import ndtr

        mean = 3 + sign * self.arm / 2
        return 1 + float(sum(ndtr((mean - step) / self.spread) for step in (1.5, 2.5, 3.5, 4.5)))

    @property
    def effect(self) -> float:
        """Return the true effect on rounded ratings."""
        return self.expected(1) - self.expected(-1)


STUDIES = {
    "usual": Raters((12, 12), 20, 0.3),
    "no effect": Raters((12, 12), 20, 0.0),
    "few raters": Raters((4, 4), 20, 0.3),
    "few images": Raters((15, 15), 8, 0.3),
    "unequal pages": Raters((16, 6), 20, 0.3),
    "images are alike": Raters((12, 12), 20, 0.3, image_effect=0.0),
    "images differ much": Raters((30, 30), 20, 0.3, image_effect=1.0),
    "raters differ much": Raters((12, 12), 40, 0.3, rater_effect=1.0),
    "noise alone": Raters((12, 12), 20, 0.3, 0.0, 0.0, 0.0, 0.0),
}


def drawn(study: Raters, dice: np.random.Generator) -> Ratings:
    """Return the answers of one study."""
    signs: Floats = dice.permutation(np.repeat([-1.0, 1.0], study.images // 2))
    general, own = (dice.normal(0, std, study.images) for std in (study.image, study.image_effect))
    pages = []
    for count, sign in zip(study.raters, (signs, -signs), strict=True):
        rater, slope = (dice.normal(0, std, (count, 1)) for std in (study.rater, study.rater_effect))
        latent = 3 + rater + general + sign * (study.arm + slope + own) / 2
        pages.append(np.clip(np.rint(latent + dice.normal(0, study.noise, latent.shape)), 1, 5))
    return Ratings((pages[0], pages[1]), signs)


def covered(study: Raters, draws: int) -> dict[str, float]:
    """Return the shares of intervals that hold the true effect, and of false equivalences, in percent."""
    dice, truth = np.random.default_rng(SEED), study.effect
    holds = same = independent = falsely = 0
    margin = abs(truth)
    for _ in range(draws):
        ratings = drawn(study, dice)
        found = effect(ratings).test
        low, high = found.interval() or (math.nan, math.nan)
        holds += low <= truth <= high
        same += margin > 0 and found.outside(margin) <= LEVEL
        arms = [ratings.of_arm(arm) for arm in (1, -1)]
        b, a = (Summary(float(arm.mean()), float(arm.std(ddof=1)), len(arm)) for arm in arms)
        naive = pooled(b, a, margin / math.sqrt((a.std**2 + b.std**2) / 2))
        gap = b.mean - a.mean
        independent += abs(gap - truth) <= naive.half_width()
        falsely += margin > 0 and naive.outside <= LEVEL
    shares = {"covered": holds, "false_equivalence": same, "covered_pooled": independent, "false_pooled": falsely}
    return {"effect": round(truth, 4), **{name: round(100 * count / draws, 2) for name, count in shares.items()}}


def main() -> None:
    """Print what comes of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    draws = parser.parse_args().draws
    found = {name: {**asdict(study), "draws": draws, **covered(study, draws)} for name, study in STUDIES.items()}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
