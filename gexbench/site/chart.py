"""Drawings as SVG text: axes, signs and lines, coloured by the page's style sheet so that they turn dark with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from gexbench.boards.sheet import MINUS

WIDTH, HEIGHT = 420.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 12.0, 12.0, 44.0
SERIES = 8
"""Colours and signs of series; the next ones begin anew, with broken lines."""
SIGNS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.6 -3.6h7.2v7.2h-7.2z",
    "M0 -4.8l4.6 8.2h-9.2z",
    "M0 -5l5 5l-5 5l-5 -5z",
    "M0 4.8l4.6 -8.2h-9.2z",
    "M-4 -1.4h2.6v-2.6h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6z",
    "M0 -5l1.3 3.4l3.6 .2l-2.8 2.3l.9 3.5l-3 -2l-3 2l.9 -3.5l-2.8 -2.3l3.6 -.2z",
    "M-4.6 -2.4h9.2v4.8h-9.2z",
)


@dataclass(frozen=True)
class Axis:
    """One direction of a drawing. low, high: the ends in numbers; start, stop: in the drawing. log: base 10."""

    low: float
    high: float
    start: float
    stop: float
    ticks: tuple[float, ...] = ()
    log: bool = False

    def at(self, value: float) -> float:
        """Return where a number lies."""
        low, high, value = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.stop - self.start)


def linear(values: Iterable[float], start: float, stop: float, zero: bool = False) -> Axis:
    """Return an axis that holds all values, at round ticks; zero: and the number 0."""
    known = [*values, *([0.0] if zero else [])]
    low, high = min(known), max(known)
    room = (high - low) or abs(high) or 1.0
    low, high = low - 0.06 * room, high + 0.06 * room
    step = _step((high - low) / 5)
    ticks = tuple(step * at for at in range(math.ceil(low / step), math.floor(high / step) + 1))
    return Axis(low, high, start, stop, ticks)


def budgets(values: Sequence[int], start: float, stop: float) -> Axis:
    """Return an axis of budgets, logarithmic where they span a decade, with a tick at each."""
    low, high = min(values), max(values)
    if high >= 10 * low:
        return Axis(low / 1.25, high * 1.25, start, stop, tuple(values), log=True)
    room = (high - low) or high
    return Axis(low - 0.1 * room, high + 0.1 * room, start, stop, tuple(values))


def _step(least: float) -> float:
    """Return the next of 1, 2, 5, 10, 20 … that is at least so much."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= least * 0.999)


def tick_text(value: float, step: float) -> str:
    """Return the text of a tick: no more digits than its neighbours are apart."""
    places = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    text = f"{value:.{places}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


@dataclass
class Drawing:
    """SVG in the making. title, told: what it is called, and what it shows, for who does not see it."""

    title: str
    told: str
    width: float = WIDTH
    height: float = HEIGHT
    parts: list[Markup] = field(default_factory=list)

    def path(self, points: Sequence[tuple[float, float]], style: str, closed: bool = False) -> None:
        """Draw straight lines through points."""
        way = "L".join(f"{_short(x)} {_short(y)}" for x, y in points)
        self.parts.append(Markup('<path class="{}" d="M{}{}"/>').format(style, way, "z" if closed else ""))

    def sign(self, x: float, y: float, series: int, style: str = "", told: str = "") -> None:
        """Draw the sign of a series; told: shown where a pointer rests on it."""
        title = Markup("<title>{}</title>").format(told) if told else Markup("")
        drawn = Markup('<path class="sign k{}{}" transform="translate({} {}){}" d="{}">{}</path>')
        named, size = f" {style}" if style else "", "scale(1.6)" if "large" in style.split() else ""
        place = _short(x), _short(y), size
        self.parts.append(drawn.format(series % SERIES, named, *place, SIGNS[series % SERIES], title))

    def text(self, x: float, y: float, text: str, style: str) -> None:
        """Write a text. style: `e` ends at the point, `m` has its middle there, `u` runs upwards."""
        turn = Markup(' transform="rotate(-90 {} {})"').format(_short(x), _short(y)) if "u" in style.split() else ""
        self.parts.append(
            Markup('<text class="{}" x="{}" y="{}"{}>{}</text>').format(style, _short(x), _short(y), turn, text)
        )

    def frame(self, across: Axis, up: Axis, names: tuple[str, str], labels: Sequence[str] | None = None) -> None:
        """Draw axes with their ticks and names; labels: texts of the ticks across."""
        for value in up.ticks:
            y = up.at(value)
            self.path([(across.start, y), (across.stop, y)], "grid")
            self.text(across.start - 6, y + 3.5, tick_text(value, _gap(up)), "e")
        texts = labels or [tick_text(value, _gap(across)) for value in across.ticks]
        for value, text in zip(across.ticks, texts, strict=True):
            x = across.at(value)
            self.path([(x, up.start), (x, up.start + 4)], "axis")
            self.text(x, up.start + 16, text, "m")
        self.path([(across.start, up.start), (across.stop, up.start)], "axis")
        self.text((across.start + across.stop) / 2, self.height - 6, names[0], "m name")
        self.text(12, (up.start + up.stop) / 2, names[1], "m u name")

    def svg(self) -> Markup:
        """Return the drawing as an element of a page."""
        head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>').format(
            _short(self.width), _short(self.height), self.title, self.told
        )
        return head + Markup("").join(self.parts) + Markup("</svg>")


def key(series: int, style: str = "") -> Markup:
    """Return the sign of a series for a legend."""
    named = f"sign k{series % SERIES}" + (f" {style}" if style else "")
    return Markup('<svg class="key" viewBox="-6 -6 12 12" aria-hidden="true"><path class="{}" d="{}"/></svg>').format(
        escape(named), SIGNS[series % SERIES]
    )


def _gap(axis: Axis) -> float:
    return axis.ticks[1] - axis.ticks[0] if len(axis.ticks) > 1 else 1.0


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
