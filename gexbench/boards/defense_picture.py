"""The picture of a profile's defenses: what thieves lose against what honest users lose."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.boards.defended import Defended, guarded, harm, loss_card, main_card
from gexbench.boards.rank import Board, Table
from gexbench.boards.sheet import heading
from gexbench.files import read_bounded
from gexbench.foreign_text import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

DRAWING = 1
"""Counts up where pictures of the same points come to look otherwise."""
KINDS = {"png": b"\x89PNG", "svg": b"<?xml"}
"""The formats a picture is kept in, and how such a file begins."""
LEAST = 2
MARKERS = "os^vDPX<>p*h"
LARGEST_FILE = 16 << 20


@dataclass(frozen=True)
class Point:
    """An attack against a defense; attack "" stands for the best one. low, high: of the 95 % interval of the harm."""

    defense: str
    attack: str
    loss: float
    harm: float
    low: float | None
    high: float | None
    front: bool
    complete: bool


@dataclass(frozen=True)
class Scatter:
    """What is drawn of a profile at its ranked budget. mirrored: honest users lose more where the number is less."""

    title: str
    across: str
    up: str
    mirrored: bool
    points: tuple[Point, ...] = field(default=())

    @property
    def digest(self) -> str:
        """Return what a file of the picture says it was drawn of."""
        text = json.dumps([DRAWING, asdict(self)], sort_keys=True, allow_nan=False)
        return f"gexbench points {hashlib.sha256(text.encode()).hexdigest()}"


def stem(profile: str) -> str:
    """Return the name of a profile's picture, less its ending."""
    return f"defenses-{profile}"


def scatters(board: Board) -> dict[str, Scatter]:
    """Return what is drawn of a board, by profile; nothing of profiles with fewer than two defenses to draw."""
    found: dict[str, Scatter] = {}
    for profile in dict.fromkeys(table.profile for table in board.tables):
        drawn = scatter([table for table in board.tables if table.profile == profile])
        if drawn is not None:
            found[profile] = drawn
    return found


def scatter(tables: Sequence[Table]) -> Scatter | None:
    """Return what is drawn of a profile's tables; None where fewer than two defenses have both numbers."""
    defenses = [each for each in guarded([table for table in tables if table.headline]) if each.loss is not None]
    points = tuple(point for each in defenses for point in _points(each))
    if len({point.defense for point in points}) < LEAST:
        return None
    first = defenses[0].table
    plan, main, loss = first.records[0].plan, main_card(first), loss_card(first)
    return Scatter(
        f"{plan.task.name}@{plan.task.version} · {first.profile} · {first.budget} queries",
        f"loss of honest users: {heading(loss)}",
        f"harm to thieves: {heading(main, plan.task.main.compare)}, worse by",
        loss.higher_is_better,
        points,
    )


def _points(each: Defended) -> list[Point]:
    loss, card = each.loss, main_card(each.table)
    tests = {label: damage.test for label, damage in each.damages.items()} | {"": each.stolen}
    found = []
    for attack, test in tests.items():
        if loss is None or test is None or not math.isfinite(test.value):
            continue
        value, ends = harm(test, card)
        low, high = map(_rounded, ends) if ends is not None else (None, None)
        complete = each.damages[attack].row.complete if attack else each.complete
        where = _rounded(loss), _rounded(value), low, high
        found.append(Point(each.table.defense, attack, *where, each.front and not attack, complete))
    return found


def _rounded(value: float) -> float:
    """Return six digits of a number: the rest is the processor's and the libraries'."""
    return float(f"{value:.6g}")


def is_drawn(path: Path, scatter: Scatter) -> bool:
    """Say whether a file says that it is this picture; its pixels, which libraries change, are not compared."""
    if not path.is_file():
        return False
    content = read_bounded(path, LARGEST_FILE)
    return content.startswith(KINDS[path.suffix[1:]]) and scatter.digest.encode() in content


def draw(scatter: Scatter, kind: str) -> bytes:
    """Return the picture in one of KINDS, the same bytes for the same points and libraries.

    A colour is a defense, a sign an attack; the large sign is the best attack against it, ringed on the front. What has
    too few seeds is hollow. Bars are 95 % intervals.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"font.size": 9.0, "svg.hashsalt": "gexbench", "svg.fonttype": "none"})
        figure = Figure(figsize=(8.4, 4.8), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        _dots(axes, scatter)
        _frame(axes, scatter)
        figure.suptitle(_plain_text(scatter.title), fontsize=9.5, wrap=True)
        buffer = io.BytesIO()
        nothing = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
        figure.savefig(buffer, format=kind, dpi=150, metadata={**nothing, "Source": scatter.digest})
    return buffer.getvalue()


def _dots(axes: Axes, scatter: Scatter) -> None:
    attacks = sorted({point.attack for point in scatter.points if point.attack})
    signs = {attack: MARKERS[place % len(MARKERS)] for place, attack in enumerate(attacks)}
    defenses = list(dict.fromkeys(point.defense for point in scatter.points))
    for point in scatter.points:
        colour = _colour(defenses.index(point.defense))
        bars = (
            None if point.low is None or point.high is None else [[point.harm - point.low], [point.high - point.harm]]
        )
        face, size = (colour if point.complete else "none"), 5.0 if point.attack else 11.0
        axes.errorbar(
            point.loss,
            point.harm,
            yerr=bars if point.attack else None,
            fmt=signs.get(point.attack, "D"),
            markersize=size,
            color=colour,
            markerfacecolor=face if point.attack else "none",
            markeredgewidth=2.0 if point.front else 0.8,
            elinewidth=0.8,
        )
    _legends(axes, signs, defenses)


def _colour(place: int) -> tuple[float, float, float, float]:
    """Return one of twenty colours, dark ones first."""
    from matplotlib import colormaps

    red, green, blue, alpha = colormaps["tab20"]((2 * place + place // 10 % 2) % 20)
    return red, green, blue, alpha


def _legends(axes: Axes, signs: dict[str, str], defenses: list[str]) -> None:
    """Name colours and signs at the side."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=_colour(place), lw=4, label=_plain_text(name)) for place, name in enumerate(defenses)]
    lines += [_sign(sign, attack, 5.0) for attack, sign in signs.items()]
    lines += [_sign("D", "best attack", 9.0, "none"), _sign("D", "… on the front", 9.0, "none", 2.0)]
    axes.legend(handles=lines, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def _sign(sign: str, name: str, size: float, face: str = "black", edge: float = 0.8) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        color="black",
        linestyle="none",
        marker=sign,
        label=_plain_text(name),
        markersize=size,
        markerfacecolor=face,
        markeredgewidth=edge,
    )


def _frame(axes: Axes, scatter: Scatter) -> None:
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set_xlabel(_plain_text(scatter.across))
    axes.set_ylabel(_plain_text(scatter.up))
    if scatter.mirrored:
        axes.invert_xaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)


def _plain_text(text: str) -> str:
    """Return text that does nothing where it is shown, and in which matplotlib sees no formula."""
    return shown(text).replace("$", r"\$")
