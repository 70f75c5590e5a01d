"""The picture of a curve."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from gexbench.boards.curve import Curve
from gexbench.boards.row import metric_card
from gexbench.boards.sheet import heading
from gexbench.cards.fields import Compare
from gexbench.errors import BoardError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADE = 10
"""From this ratio of budgets on the axis is logarithmic, so that the low ones can be told apart."""

PANEL = {"B": "B  surrogate / victim", "C": "C  surrogate / truth"}


def to_png(curve: Curve) -> bytes:
    """Return the curve as a picture, the same bytes for the same records: a panel a comparison, a line a test split.

    A line is the mean over seeds, its band one standard deviation on both sides, and a point one seed. Budgets that
    span a decade or more stand on a logarithmic axis. Raises BoardError where the main metric was not measured.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not curve.shown():
        raise BoardError(f"no run has the main metric {curve.plan.task.main.metric!r}; there is nothing to draw")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["font.size"] = 9.0
        figure = Figure(figsize=(1.0 + 4.2 * len(curve.shown()), 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(curve.shown()), squeeze=False)[0]
        for axes, compare in zip(panels, curve.shown(), strict=True):
            _panel(axes, curve, compare)
        marks = f"\n({', '.join(curve.marks)})" if curve.marks else ""
        figure.suptitle(_plain_text(curve.title + marks), fontsize=9.5, wrap=True)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()


def _panel(axes: Axes, curve: Curve, compare: Compare) -> None:
    card = metric_card(next(iter(curve.rows.values())).records[0], curve.plan.task.main.metric)
    for number, test in enumerate(curve.tests):
        _line(axes, curve, (compare, test), f"C{number}")
    axes.set_title(PANEL[compare], fontsize=9)
    low, high = min(curve.budgets), max(curve.budgets)
    if high >= DECADE * low:
        axes.set_xscale("log")
    axes.set_xticks(curve.budgets, [f"{budget}\n{100 * budget / curve.top:.3g} %" for budget in curve.budgets])
    axes.minorticks_off()
    axes.set_xlim(low / 1.2 if axes.get_xscale() == "log" else 0.0, 1.06 * high)
    axes.set_xlabel("queries allowed")
    axes.set_ylabel(_plain_text(heading(card)))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(title="test split")


def _line(axes: Axes, curve: Curve, what: tuple[Compare, str], colour: str) -> None:
    """Draw mean, band and seeds of one comparison on one test split."""
    spreads = [curve.spread(budget, *what) for budget in curve.budgets]
    means = [_finite(s.mean if s else None) for s in spreads]
    stds = [_finite(s.std if s else None) for s in spreads]
    axes.plot(curve.budgets, means, color=colour, marker="_", markersize=9, label=_plain_text(what[1]))
    low, high = ([m + sign * s for m, s in zip(means, stds, strict=True)] for sign in (-1, 1))
    axes.fill_between(curve.budgets, low, high, color=colour, alpha=0.2, linewidth=0)
    seeds = [p for p in curve.points() if curve.is_main(p) and (p.compare, p.test) == what and math.isfinite(p.value)]
    axes.scatter([p.budget for p in seeds], [p.value for p in seeds], s=9, color=colour, alpha=0.7, linewidths=0)


def _finite(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.nan


def _plain_text(text: str) -> str:
    """Return text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")
