"""The figures of a board: curves over the budget, defenses between thieves and honest users, rows with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from markupsafe import Markup

from gexbench.boards.curve import Curve, make_curve
from gexbench.boards.curve_picture import PANEL
from gexbench.boards.defense_picture import Point, scatter
from gexbench.boards.label import attack_label
from gexbench.boards.rank import Table
from gexbench.boards.row import Row, metric_card
from gexbench.boards.sheet import NOTHING, Column, Sheet, heading, interval, number, with_std
from gexbench.boards.spread import Spread
from gexbench.cards.fields import Compare
from gexbench.cards.schema import MetricCard
from gexbench.foreign_text import shown
from gexbench.site.chart import BOTTOM, HEIGHT, LEFT, RIGHT, SERIES, TOP, WIDTH, Axis, Drawing, budgets, key, linear
from gexbench.site.render import Grid
from gexbench.site.rows import clean

MOST_CURVES = 8


@dataclass(frozen=True)
class Figure:
    """Drawings of one kind under one legend, and their numbers as a table."""

    title: str
    told: str
    drawings: tuple[Markup, ...]
    legend: tuple[tuple[Markup, str], ...]
    numbers: Grid


def curves(tables: Sequence[Table]) -> Figure | None:
    """Return B and C over the budget, a panel a comparison and test split; None where no attack has two budgets."""
    every = list(_curves(tables))
    if not every:
        return None
    found = sorted(every, key=_goodness)[:MOST_CURVES]
    panels = [(compare, test) for compare in found[0].shown() for test in found[0].tests]
    card = _card(found[0])
    told = f"{heading(card)}: mean over seeds, the band is one standard deviation on both sides. {_told(found, every)}"
    return Figure(
        "What more answers buy",
        told,
        tuple(_panel(found, compare, test) for compare, test in panels),
        tuple((key(at), shown(curve.label)) for at, curve in enumerate(found)),
        _curve_numbers(found, panels),
    )


def _curves(tables: Sequence[Table]) -> Iterator[Curve]:
    """Yield a curve for every attack on the undefended service that has two budgets or more."""
    records = [record for table in tables for record in table.records if not table.defense]
    ordered = sorted(records, key=lambda record: attack_label(record.plan))
    for _, group in groupby(ordered, key=lambda record: attack_label(record.plan)):
        runs = list(group)
        if len({run.plan.budget for run in runs}) > 1 and "outputs" in runs[0].plan.attack.needs:
            curve = make_curve(runs)
            if curve.shown():
                yield curve


def _card(curve: Curve) -> MetricCard:
    return metric_card(next(iter(curve.rows.values())).records[0], curve.plan.task.main.metric)


def _goodness(curve: Curve) -> float:
    """Return how far an attack is from the best at the highest of its budgets: the less, the better."""
    main = curve.rows[max(curve.rows)].main()
    return _card(curve).distance(main.mean) if main is not None else math.inf


def _told(found: Sequence[Curve], every: Sequence[Curve]) -> str:
    """Return what 100 % is, and that the best alone are drawn where there are more."""
    some = f" Drawn are the {len(found)} best of {len(every)} attacks." if len(found) < len(every) else ""
    return f"The ranked budget is {found[0].top} answers.{some}"


def _panel(found: Sequence[Curve], compare: Compare, test: str) -> Markup:
    spreads = {(at, b): curve.spread(b, compare, test) for at, curve in enumerate(found) for b in curve.budgets}
    known = {place: s for place, s in spreads.items() if s is not None and math.isfinite(s.mean)}
    drawing = Drawing(f"{PANEL[compare]}, {test}", _curve_told(found, known, (compare, test)))
    ends = [end for s in known.values() for end in _band(s)]
    across = budgets(sorted({b for curve in found for b in curve.budgets}), LEFT, WIDTH - RIGHT)
    up = linear(ends or [0.0, 1.0], HEIGHT - BOTTOM, TOP + 16)
    drawing.text(LEFT, TOP + 6, shown(f"{PANEL[compare]} · {test}"), "head")
    drawing.frame(across, up, ("answers bought", shown(heading(_card(found[0])))), [f"{int(t)}" for t in across.ticks])
    for at in range(len(found)):
        _line(drawing, at, (across, up), {b: s for (place, b), s in known.items() if place == at})
    return drawing.svg()


def _line(drawing: Drawing, series: int, axes: tuple[Axis, Axis], known: dict[int, Spread]) -> None:
    across, up = axes
    points = [(across.at(b), up.at(s.mean)) for b, s in sorted(known.items())]
    lows = [(across.at(b), up.at(_band(s)[0])) for b, s in sorted(known.items())]
    highs = [(across.at(b), up.at(_band(s)[1])) for b, s in sorted(known.items())]
    style = f"k{series % SERIES}" + (" again" if series >= SERIES else "")
    drawing.path([*lows, *reversed(highs)], f"band {style}", closed=True)
    drawing.path(points, f"line {style}")
    for (b, s), (x, y) in zip(sorted(known.items()), points, strict=True):
        drawing.sign(x, y, series, told=f"{b} answers: {s.mean:.4g}")


def _band(s: Spread) -> tuple[float, float]:
    std = s.std or 0.0
    return s.mean - std, s.mean + std


def _curve_told(found: Sequence[Curve], known: dict[tuple[int, int], Spread], what: tuple[Compare, str]) -> str:
    """Return in words where each line begins and ends."""
    parts = []
    for at, curve in enumerate(found):
        own = sorted((b, s) for (place, b), s in known.items() if place == at)
        if own:
            card, (first, low), (last, high) = _card(curve), own[0], own[-1]
            parts.append(
                f"{curve.label} from {number(low.mean, card)} at {first} to {number(high.mean, card)} at {last}"
            )
    return shown(f"{what[0]} of {heading(_card(found[0]))} on {what[1]}: " + "; ".join(parts), 4000)


def _curve_numbers(found: Sequence[Curve], panels: Sequence[tuple[Compare, str]]) -> Grid:
    columns = (Column("queries"), Column("attack", False), *(Column(f"{c} {test}") for c, test in panels))
    rows = tuple(
        (str(b), curve.label, *(with_std(curve.spread(b, c, test), _card(curve)) for c, test in panels))
        for curve in found
        for b in curve.budgets
    )
    return Grid(clean(Sheet("The numbers", 3, columns=columns, rows=rows)))


def defenses(tables: Sequence[Table]) -> Figure | None:
    """Return harm to thieves against loss of honest users; None where fewer than two defenses have both numbers."""
    drawn = scatter(tables)
    if drawn is None:
        return None
    names = list(dict.fromkeys(point.defense for point in drawn.points))
    best = [point for point in drawn.points if not point.attack]
    told = "; ".join(f"{p.defense}: harm {p.harm:.4g} at a loss of {p.loss:.4g}" for p in best)
    drawing = Drawing(shown(drawn.title), shown(f"{drawn.up} against {drawn.across}. {told}", 4000), 560, 320)
    across, up = _scatter_axes(drawn.points, drawn.mirrored)
    drawing.frame(across, up, (shown(drawn.across), shown(drawn.up)))
    drawing.path([(across.start, up.at(0.0)), (across.stop, up.at(0.0))], "axis")
    for point in drawn.points:
        _spot(drawing, point, names.index(point.defense), (across, up))
    return Figure(
        "Harm to thieves, loss of honest users",
        "A large sign is the best attack against a defense, with its 95 % interval; small ones are the attacks one by "
        "one. Up is harm to thieves, left is less loss of honest users. Filled large signs are on the front; grey "
        "edges lack seeds.",
        (drawing.svg(),),
        tuple((key(at), shown(name)) for at, name in enumerate(names)),
        _scatter_numbers(drawn.points),
    )


def _scatter_axes(points: Sequence[Point], mirrored: bool) -> tuple[Axis, Axis]:
    """Return both axes; where less is more loss, the axis across is turned so that left is always less loss."""
    flat = linear([point.loss for point in points], LEFT + 8, 560 - RIGHT, zero=not mirrored)
    across = replace(flat, low=flat.high, high=flat.low) if mirrored else flat
    best = [point for point in points if not point.attack]
    heights = [point.harm for point in points]
    heights += [end for point in best for end in (point.low, point.high) if end is not None]
    return across, linear(heights, 320 - BOTTOM, TOP, zero=True)


def _spot(drawing: Drawing, point: Point, series: int, axes: tuple[Axis, Axis]) -> None:
    x, y = axes[0].at(point.loss), axes[1].at(point.harm)
    if not point.attack and point.low is not None and point.high is not None:
        drawing.path([(x, axes[1].at(point.low)), (x, axes[1].at(point.high))], f"line k{series % SERIES}")
    style = " ".join(
        word
        for word, there in (("large", not point.attack), ("hollow", not point.front), ("few", not point.complete))
        if there
    )
    told = f"{point.defense}, {point.attack or 'best attack'}: harm {point.harm:.4g}, loss {point.loss:.4g}"
    drawing.sign(x, y, series, style, shown(told))


def _scatter_numbers(points: Sequence[Point]) -> Grid:
    columns = (Column("defense", False), Column("attack", False), Column("loss"), Column("harm"), Column("95 % CI"))
    rows = tuple(
        (
            p.defense,
            p.attack or "the best",
            f"{p.loss:.4g}",
            f"{p.harm:.4g}",
            NOTHING if p.low is None or p.high is None else f"{p.low:.4g} … {p.high:.4g}",
        )
        for p in points
    )
    return Grid(clean(Sheet("The numbers", 3, columns=columns, rows=rows)))


def rows(table: Table) -> Figure | None:
    """Return the main number of a table's rows, a line a row, with 95 % intervals; None below two rows with one."""
    known = [(row, main) for row in table.rows if (main := row.main()) is not None and math.isfinite(main.mean)]
    if len(known) < 2:
        return None
    record = table.records[0]
    main_of, card = record.plan.task.main, metric_card(record, record.plan.task.main.metric)
    height = TOP + 22.0 * len(known) + BOTTOM
    told = "; ".join(f"{row.label} {with_std(main, card)}" for row, main in known)
    drawing = Drawing(f"Rows by {main_of.compare}", shown(told, 4000), 392, height)
    ends = [end for _, s in known for end in (s.mean, s.low, s.high) if end is not None]
    across = linear(ends, 154, 392 - RIGHT)
    up = Axis(len(known), 0.0, height - BOTTOM, TOP)
    drawing.frame(across, up, (shown(heading(card, main_of.compare)), ""))
    for at, (row, s) in enumerate(known):
        y = up.at(at + 0.5)
        drawing.text(146, y + 3.5, shown(row.label, 24), "e")
        series, style, _ = _kind(row)
        if s.low is not None and s.high is not None:
            drawing.path([(across.at(s.low), y), (across.at(s.high), y)], f"line k{series}")
        told = f"{row.label}: {with_std(s, card)}, 95 % CI {interval(s.low, s.high, card, s.std)}"
        drawing.sign(across.at(s.mean), y, series, style, shown(told))
    kinds = dict.fromkeys(_kind(row) for row, _ in known)
    legend = tuple((key(series, style), text) for series, style, text in kinds)
    return Figure("Means and their 95 % intervals", "", (drawing.svg(),), legend, Grid(Sheet("", 3)))


def _kind(row: Row) -> tuple[int, str, str]:
    """Return how a row is drawn: series, style, and what that stands for."""
    if row.control:
        return 1, "hollow", "control"
    return (0, "", "attack") if row.rank is not None else (0, "hollow", "attack with too few seeds")
