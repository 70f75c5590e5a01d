"""Faces drawn by code: pictures like soft photographs, and cartoons with outlines, large eyes and bright hair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gexbench.datasets.scenes import FINE, Plane, developed, eight_bit, enlarged, ink, reduced, smooth_noise

Points = list[tuple[float, float]]


class _Layout(NamedTuple):
    """Where a face is and how its hair falls; the face's own unit is half its width, x to the right, y down.

    x, y, scale: of the face in units of the picture's side. tilt: radians. turn: of the head, in [-1,1]. length: where
    the hair ends, in the face's unit. fringe: its lowest point. part: where it parts. puff: how far it stands out.
    knots: how many are tied on the head.
    """

    x: float
    y: float
    scale: float
    tilt: float
    turn: float
    length: float
    fringe: float
    part: float
    puff: float
    knots: int
    side: int

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Turn the face's coordinates into those of the enlarged canvas."""
        unit, cos, sin = self.side * FINE, np.cos(self.tilt), np.sin(self.tilt)
        across, down = (x * cos - y * sin) * self.scale, (x * sin + y * cos) * self.scale
        return float((self.x + across) * unit), float((self.y + down) * unit)

    def placed(self, points: Points) -> Points:
        """Place many points."""
        return [self.place(x, y) for x, y in points]


class _Coat(NamedTuple):
    """Colours of what both kinds of picture show."""

    skin: Plane
    hair: Plane
    shirt: Plane
    iris: Plane


_SKINS = ((0.86, 0.68, 0.58), (0.78, 0.59, 0.47), (0.69, 0.50, 0.39), (0.55, 0.38, 0.28), (0.40, 0.27, 0.20))
_HAIRS = ((0.10, 0.08, 0.07), (0.20, 0.13, 0.09), (0.33, 0.21, 0.13), (0.50, 0.36, 0.22), (0.38, 0.17, 0.09))
_SHIRTS = ((0.20, 0.23, 0.30), (0.45, 0.45, 0.46), (0.40, 0.20, 0.20), (0.24, 0.32, 0.26), (0.62, 0.60, 0.55))
_IRISES = ((0.22, 0.13, 0.08), (0.28, 0.20, 0.12), (0.26, 0.34, 0.42), (0.24, 0.31, 0.22))

_TOON_SKINS = ((1.00, 0.90, 0.82), (1.00, 0.86, 0.76), (0.98, 0.82, 0.70))
_TOON_HAIRS = (
    *((1.00, 0.55, 0.75), (0.25, 0.78, 0.78), (1.00, 0.85, 0.40), (0.65, 0.48, 0.95)),
    *((0.35, 0.55, 1.00), (1.00, 0.45, 0.35), (0.55, 0.85, 0.45), (0.86, 0.88, 0.98)),
)
_TOON_SHIRTS = ((0.95, 0.35, 0.40), (0.30, 0.45, 0.85), (1.00, 0.95, 0.95), (0.35, 0.70, 0.55), (1.00, 0.75, 0.30))
_TOON_IRISES = ((0.20, 0.50, 0.95), (0.85, 0.25, 0.45), (0.20, 0.65, 0.40), (0.60, 0.30, 0.85), (0.85, 0.55, 0.15))
_PASTELS = ((1.00, 0.88, 0.90), (0.85, 0.93, 1.00), (0.88, 1.00, 0.90), (1.00, 0.96, 0.80), (0.92, 0.88, 1.00))
_LINE = np.array((0.20, 0.10, 0.18), np.float32)


def photo(rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a face as a camera sees it; returns (side,side,3)."""
    layout = _layout(rng, side)
    coat = _coat(rng, (_SKINS, _HAIRS, _SHIRTS, _IRISES), 0.12)
    canvas = enlarged(_room(rng, side))
    draw = ImageDraw.Draw(canvas)
    _body(draw, layout, coat, coat.skin * 0.74)
    _small_features(draw, layout, coat)
    _hair_in_front(draw, layout, coat.hair)
    _strands(rng, draw, layout, coat.hair)
    return developed(rng, reduced(canvas) * _lighting(rng, layout), 0.009)


def cartoon(rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a face as cartoons have it, flat and outlined; returns (side,side,3)."""
    layout = _layout(rng, side)
    coat = _coat(rng, (_TOON_SKINS, _TOON_HAIRS, _TOON_SHIRTS, _TOON_IRISES), 0.02)
    canvas = Image.new("RGB", (side * FINE, side * FINE), ink(_choice(rng, _PASTELS)))
    draw = ImageDraw.Draw(canvas)
    _body(draw, layout, coat, coat.skin * (0.88, 0.76, 0.78), _LINE)
    _large_features(draw, layout, coat)
    _hair_in_front(draw, layout, coat.hair, _LINE)
    _gloss(draw, layout, coat.hair)
    return eight_bit(reduced(canvas))


def _layout(rng: Generator, side: int) -> _Layout:
    length = rng.choice((-0.25, 0.45, 1.15, 2.6)) + rng.uniform(-0.1, 0.1)
    return _Layout(
        x=0.5 + rng.uniform(-0.07, 0.07),
        y=0.50 + rng.uniform(-0.04, 0.06),
        scale=rng.uniform(0.225, 0.29),
        tilt=rng.normal(0, 0.09),
        turn=rng.uniform(-1, 1),
        length=length,
        fringe=rng.uniform(-0.85, -0.35),
        part=rng.uniform(-0.7, 0.7),
        puff=rng.uniform(0.10, 0.26),
        knots=int(rng.choice((0, 0, 0, 1, 2))),
        side=side,
    )


def _choice(rng: Generator, colours: tuple[tuple[float, ...], ...]) -> Plane:
    return np.array(colours[rng.integers(len(colours))], np.float32)


def _varied(rng: Generator, spread: float) -> Plane:
    return (rng.normal(1, spread) * rng.normal(1, spread / 4, 3)).astype(np.float32)


def _coat(rng: Generator, palettes: tuple[tuple[tuple[float, ...], ...], ...], spread: float) -> _Coat:
    return _Coat(*(_choice(rng, colours) * _varied(rng, spread) for colours in palettes))


def _shape(draw: ImageDraw.ImageDraw, points: Points, fill: Plane, line: Plane | None = None) -> None:
    draw.polygon(points, ink(fill))
    if line is not None:
        draw.line([*points, points[0], points[1]], ink(line), max(1, round(0.016 * draw.im.size[0])), joint="curve")


def _oval(x: float, y: float, width: float, height: float) -> Points:
    angles = np.linspace(0, 2 * np.pi, 17)[:-1]
    return list(zip((x + width * np.cos(angles)).tolist(), (y + height * np.sin(angles)).tolist(), strict=True))


def _outline() -> Points:
    """Return the face: a round skull that narrows to the chin."""
    angles = np.linspace(0, 2 * np.pi, 33)[:-1]
    down = np.sin(angles)
    across = np.cos(angles) * np.where(down > 0, 1 - 0.22 * down**2, 1)
    return list(zip(across.tolist(), (1.22 * down).tolist(), strict=True))


def _crown(layout: _Layout) -> Points:
    wide, high = 1 + layout.puff, 1.1 + layout.puff
    angles = np.linspace(np.pi, 2 * np.pi, 17)
    return list(zip((wide * np.cos(angles)).tolist(), (high * np.sin(angles) - 0.25).tolist(), strict=True))


def _behind(layout: _Layout) -> Points:
    """Return the hair behind the face; long hair narrows towards its ends."""
    wide, end = 1 + layout.puff, layout.length
    narrow = wide * (0.75 if end > 0.9 else 1)
    right = [(wide * 1.04, end * 0.6), (narrow, end), (0.4, end + 0.25)]
    return [*_crown(layout), *right, *((-x, y) for x, y in reversed(right))]


def _body(draw: ImageDraw.ImageDraw, layout: _Layout, coat: _Coat, shade: Plane, line: Plane | None = None) -> None:
    """Draw hair behind, neck, shirt, ears and face."""
    for knot in ((), (0.0,), (-0.95, 0.95))[layout.knots]:
        _shape(
            draw,
            layout.placed(_oval(knot, abs(knot) * 0.35 - 1.5 - 0.5 * layout.puff, 0.40, 0.36)),
            coat.hair * 0.9,
            line,
        )
    _shape(draw, layout.placed(_behind(layout)), coat.hair * 0.8, line)
    _shape(draw, layout.placed([(-0.42, 0.6), (0.42, 0.6), (0.46, 1.7), (-0.46, 1.7)]), shade, line)
    shoulders = [
        (-0.5, 1.48),
        (0, 1.75),
        (0.5, 1.48),
        (1.6, 1.8),
        (2.1, 2.5),
        (2.2, 4),
        (-2.2, 4),
        (-2.1, 2.5),
        (-1.6, 1.8),
    ]
    _shape(draw, layout.placed(shoulders), coat.shirt, line)
    for ear in (-1, 1):
        _shape(draw, layout.placed(_oval(ear * 1.0 - 0.06 * layout.turn, 0.08, 0.13, 0.24)), shade, line)
    _shape(draw, layout.placed(_outline()), coat.skin, line)


def _hair_in_front(draw: ImageDraw.ImageDraw, layout: _Layout, hair: Plane, line: Plane | None = None) -> None:
    """Draw the hair above the face; in cartoons (those have lines) the fringe falls in pointed locks."""
    wide, temple = 1 + layout.puff, min(layout.length, 0.35)
    across = np.linspace(0.84, -0.84, 9)
    down = layout.fringe + 0.15 * across**2 - 0.25 * np.exp(-(((across - layout.part) / 0.25) ** 2))
    down += (0.16 if line is not None else 0.03) * np.array((0, 1, -1, 1, -1, 1, -1, 1, 0))
    fringe = list(zip(across.tolist(), down.tolist(), strict=True))
    sides = [(wide, temple), (0.90, temple - 0.05)], [(-0.90, temple - 0.05), (-wide, temple)]
    _shape(draw, layout.placed([*_crown(layout), *sides[0], *fringe, *sides[1]]), hair, line)


def _room(rng: Generator, side: int) -> Plane:
    """Return a background out of focus: broad blots of dull colour."""
    base = rng.uniform(0.2, 0.62) + rng.normal(0, 0.025, 3)
    light = 0.14 * smooth_noise(rng, (side, side), 4, 4) + 0.05 * smooth_noise(rng, (side, side), 3, 9)
    warmth = smooth_noise(rng, (side, side), 4, 6)[..., None] * np.array((0.05, 0.01, -0.04), np.float32)
    return base.astype(np.float32) + light[..., None] + warmth


def _small_features(draw: ImageDraw.ImageDraw, layout: _Layout, coat: _Coat) -> None:
    """Draw eyes, brows, nose and mouth of natural size."""
    shift, dark = 0.16 * layout.turn, np.minimum(coat.hair * 0.8, coat.skin * 0.6)
    for eye in (-1, 1):
        x = shift + 0.42 * eye
        _shape(draw, layout.placed(_oval(x, 0.0, 0.23, 0.15)), coat.skin * 0.82)
        _shape(draw, layout.placed(_oval(x, 0.03, 0.185, 0.085)), np.minimum(coat.skin + 0.25, 0.86))
        _shape(draw, layout.placed(_oval(x + 0.3 * shift, 0.02, 0.09, 0.095)), coat.iris)
        _shape(draw, layout.placed([(x - 0.21, 0.0), (x, -0.10), (x + 0.21, 0.0), (x, -0.04)]), dark * 0.6)
        brow = [(x - 0.25 * eye, -0.22), (x, -0.27), (x + 0.26 * eye, -0.19), (x, -0.20)]
        _shape(draw, layout.placed(brow), dark)
    nose = [(shift * 1.5 - 0.17, 0.47), (shift * 1.6, 0.54), (shift * 1.5 + 0.17, 0.47), (shift * 1.6, 0.43)]
    _shape(draw, layout.placed(nose), coat.skin * 0.66)
    lips = coat.skin * (0.86, 0.60, 0.60)
    _shape(draw, layout.placed([(shift - 0.32, 0.76), (shift, 0.70), (shift + 0.32, 0.76), (shift, 0.90)]), lips)
    draw.line(layout.placed([(shift - 0.3, 0.77), (shift, 0.79), (shift + 0.3, 0.77)]), ink(lips * 0.55), 2)


def _large_features(draw: ImageDraw.ImageDraw, layout: _Layout, coat: _Coat) -> None:
    """Draw the large shining eyes, thin brows, blush and small mouth of cartoons."""
    shift, white = 0.16 * layout.turn, np.ones(3, np.float32)
    for eye in (-1, 1):
        x = shift + 0.45 * eye
        _shape(draw, layout.placed(_oval(x + 0.08 * eye, 0.58, 0.17, 0.08)), coat.skin * (1.0, 0.80, 0.80))
        _shape(draw, layout.placed(_oval(x, 0.14, 0.30, 0.36)), _LINE)
        _shape(draw, layout.placed(_oval(x, 0.19, 0.27, 0.31)), white)
        _shape(draw, layout.placed(_oval(x + 0.3 * shift, 0.17, 0.20, 0.29)), coat.iris * 0.55)
        _shape(draw, layout.placed(_oval(x + 0.3 * shift, 0.27, 0.17, 0.19)), coat.iris)
        _shape(draw, layout.placed(_oval(x + 0.3 * shift - 0.07, 0.04, 0.09, 0.10)), white)
        brow = [(x - 0.24 * eye, -0.34), (x + 0.05 * eye, -0.40), (x + 0.28 * eye, -0.32)]
        draw.line(layout.placed(brow), ink(_LINE), 2)
    draw.line(layout.placed([(shift * 1.6, 0.52), (shift * 1.6 + 0.05, 0.57)]), ink(coat.skin * 0.6), 2)
    mouth = [(shift - 0.14, 0.80), (shift + 0.14, 0.80), (shift, 0.92)]
    _shape(draw, layout.placed(mouth), coat.skin * (0.85, 0.35, 0.40), _LINE)


def _strands(rng: Generator, draw: ImageDraw.ImageDraw, layout: _Layout, hair: Plane) -> None:
    """Draw lighter and darker strands over the top of the head."""
    wide = 1 + layout.puff
    for angle, tone in rng.uniform((np.pi, 0.6), (2 * np.pi, 1.6), (14, 2)).tolist():
        top = (layout.part * 0.5 + 0.3 * np.cos(angle), -1.15 - layout.puff * 0.5)
        out = (0.97 * wide * np.cos(angle), -0.25 + 0.9 * np.sin(angle))
        if out[1] < layout.fringe - 0.05 or abs(out[0]) > 0.95:
            draw.line(layout.placed([top, out]), ink(hair * tone), 2)


def _gloss(draw: ImageDraw.ImageDraw, layout: _Layout, hair: Plane) -> None:
    """Draw a ring of light on the hair."""
    ring = [(0.75 * np.cos(a), -0.45 + 0.62 * np.sin(a)) for a in np.linspace(1.15 * np.pi, 1.85 * np.pi, 9)]
    draw.line(layout.placed(ring), ink(np.minimum(hair * 0.5 + 0.5, 1)), max(2, round(0.02 * layout.side * FINE)))


def _head(layout: _Layout) -> Plane:
    """Return 1 where hair or face is, 0 elsewhere, (side,side)."""
    mask = Image.new("L", (layout.side * FINE, layout.side * FINE))
    for points in (_behind(layout), _outline()):
        ImageDraw.Draw(mask).polygon(layout.placed(points), 255)
    return reduced(mask)


def _lighting(rng: Generator, layout: _Layout) -> Plane:
    """Return how much light falls on each pixel, (side,side,1): a round head lit from one side, hollows in shadow."""
    rows, columns = (np.indices((layout.side, layout.side), np.float32) + 0.5) / layout.side
    right, down = (columns - layout.x) / layout.scale, (rows - layout.y) / layout.scale
    cos, sin = np.cos(layout.tilt), np.sin(layout.tilt)
    x, y = right * cos + down * sin, down * cos - right * sin
    bulge = np.sqrt(np.clip(1.35 - (x / 1.1) ** 2 - (y / 1.6) ** 2, 0, 1.35))
    lamp = rng.uniform(0.3, 1.0) * (-1 if rng.random() < 0.5 else 1)
    head = np.clip(0.50 + 0.42 * bulge + 0.30 * lamp * x - 0.06 * y, 0.25, 1.15)
    light = 1 + _head(layout) * (head - 1)
    middle = x - 0.2 * layout.turn
    for dx, dy, depth, wide, high in (
        (middle + 0.13 * np.sign(lamp), y - 0.25, -0.20, 0.12, 0.25),
        (middle, y - 0.30, 0.14, 0.09, 0.30),
        (x, y - 1.35, -0.25, 0.50, 0.16),
    ):
        light = light * (1 + depth * np.exp(-((dx / wide) ** 2) - (dy / high) ** 2))
    lit: Plane = light * rng.uniform(0.85, 1.15)
    return lit[..., None]
