"""The effect beside that of a fitted mixed model with crossed raters and images; needs statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from gexbench.study.effect import Floats, Ratings, effect

statsmodels = pytest.importorskip("statsmodels.formula.api", reason="statsmodels is not installed")


def drawn() -> Ratings:
    """Draw ratings of which every part varies, by 8 and 8 raters of 12 images."""
    dice, signs = np.random.default_rng(4), np.tile([1.0, -1.0], 6)
    image, own = dice.normal(0, 0.6, 12), dice.normal(0, 0.8, 12)
    pages: list[Floats] = []
    for sign in (signs, -signs):
        rater, slope = dice.normal(0, 0.7, (8, 1)), dice.normal(0, 0.8, (8, 1))
        pages.append(3 + rater + image + sign * (0.5 + slope + own) / 2 + dice.normal(0, 0.6, (8, 12)))
    return Ratings((pages[0], pages[1]), signs)


@pytest.mark.filterwarnings("ignore")
def test_effect_error_and_parts_are_those_of_restricted_maximum_likelihood() -> None:
    ratings = drawn()
    rows = [
        (score, sign * arm / 2, f"{page}-{rater}", str(image))
        for page, (scores, arm) in enumerate(zip(ratings.scores, (1, -1), strict=True))
        for rater, line in enumerate(scores)
        for image, (score, sign) in enumerate(zip(line, ratings.signs, strict=True))
    ]
    table = pd.DataFrame(rows, columns=["score", "arm", "rater", "image"])
    table["all"] = 1
    parts = {
        "rater": "0 + C(rater)",
        "image": "0 + C(image)",
        "rater_effect": "0 + C(rater):arm",
        "image_effect": "0 + C(image):arm",
    }
    model = statsmodels.mixedlm("score ~ arm", table, groups="all", re_formula="0", vc_formula=parts)
    fitted, found = model.fit(reml=True), effect(ratings)
    variances = dict(zip(model.exog_vc.names, fitted.vcomp, strict=True))
    assert found.test.value == pytest.approx(fitted.params["arm"], abs=1e-4)
    assert found.test.error == pytest.approx(fitted.bse["arm"], rel=0.01)
    assert found.shares.noise == pytest.approx(fitted.scale, rel=0.01)
    for name, variance in variances.items():
        assert getattr(found.shares, name) == pytest.approx(variance, rel=0.1), name
    low, high = found.test.interval() or (math.nan, math.nan)
    assert high - low > 2 * 1.96 * fitted.bse["arm"]
