"""Drawings of a study's report."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from gexbench.site.chart import BOTTOM, LEFT, RIGHT, TOP, WIDTH, Axis, Drawing, linear
from gexbench.study.analysis import Finding, Report, counts
from gexbench.study.key import SCORES


def intervals(report: Report) -> Markup:
    """Draw the effect's intervals beside the margin: of raters who count and of all, and by bootstrap."""
    margin = report.key.rules.margin
    rows: list[tuple[str, float, tuple[float, float]]] = []
    for name, found in (("counted", report.kept), ("everyone", report.everyone)):
        if found:
            rows += [
                (f"{name}, 90 %", found.test.value, found.test.interval(0.90) or (0.0, 0.0)),
                (f"{name}, 95 %", found.test.value, found.test.interval(0.95) or (0.0, 0.0)),
                (f"{name}, bootstrap", found.test.value, found.interval),
            ]
    height = TOP + 26.0 * len(rows) + BOTTOM
    told = "; ".join(f"{name}: {value:.2f}, {low:.2f} to {high:.2f}" for name, value, (low, high) in rows)
    drawing = Drawing("The effect with its intervals", f"{told}; margin {margin:g}", height=height)
    ends = [margin, -margin, *(end for *_, pair in rows for end in pair)]
    across, bottom = linear(ends, LEFT + 84, WIDTH - RIGHT), height - BOTTOM
    up = Axis(0, 1, bottom, TOP)
    low, high = across.at(-margin), across.at(margin)
    drawing.path([(low, TOP), (high, TOP), (high, bottom), (low, bottom)], "margin", closed=True)
    drawing.frame(across, up, ("arm b less arm a, points; shaded: the margin", ""))
    drawing.path([(across.at(0), TOP), (across.at(0), bottom)], "axis")
    for at, (name, value, ends_of) in enumerate(rows):
        y = TOP + 26.0 * at + 13
        drawing.text(across.start - 6, y + 4, name, "e")
        drawing.path([(across.at(ends_of[0]), y), (across.at(ends_of[1]), y)], "line k0")
        drawing.sign(across.at(value), y, 0)
    return drawing.svg()


def scores(found: Finding) -> Markup:
    """Draw how often each score was given to either arm."""
    arms = [counts(found.ratings, sign) for sign in (-1, 1)]
    shares = [[100 * n / sum(arm) for n in arm] for arm in arms]
    told = "; ".join(
        f"arm {name}: " + ", ".join(f"{score}: {share:.0f} %" for score, share in zip(SCORES, arm, strict=True))
        for name, arm in zip("ab", shares, strict=True)
    )
    drawing = Drawing("Scores of both arms", told)
    bottom = drawing.height - BOTTOM
    across = Axis(0.5, len(SCORES) + 0.5, LEFT, WIDTH - RIGHT, tuple(map(float, SCORES)))
    up = linear([0, *shares[0], *shares[1]], bottom, TOP)
    up = Axis(0, up.high, bottom, TOP, tuple(tick for tick in up.ticks if tick >= 0))
    drawing.frame(across, up, ("score", "% of ratings"))
    for arm, heights in enumerate(shares):
        for score, share in zip(SCORES, heights, strict=True):
            left, right = across.at(score - 0.36 + 0.36 * arm), across.at(score + 0.36 * arm)
            top = up.at(share)
            drawing.path([(left, bottom), (left, top), (right, top), (right, bottom)], f"bar k{arm}", closed=True)
    return drawing.svg()


def by_image(found: Finding) -> Markup:
    """Draw the effect of each image, in rising order."""
    first, second = (page.mean(axis=0) for page in found.ratings.scores)
    effects: Sequence[float] = sorted(((first - second) * found.ratings.signs).tolist())
    drawing = Drawing(
        "The effect of each image", f"from {effects[0]:.2f} to {effects[-1]:.2f} over {len(effects)} images"
    )
    bottom = drawing.height - BOTTOM
    across = Axis(0, len(effects) + 1, LEFT, WIDTH - RIGHT)
    up = linear(effects, bottom, TOP, zero=True)
    drawing.frame(across, up, ("images, in rising order", "arm b less arm a, points"))
    drawing.path([(across.start, up.at(0)), (across.stop, up.at(0))], "axis")
    for at, value in enumerate(effects, start=1):
        drawing.sign(across.at(at), up.at(value), 0)
    return drawing.svg()
