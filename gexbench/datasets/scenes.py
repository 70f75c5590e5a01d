"""Landscapes drawn by code: pictures like photographs, and paintings made of brush strokes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Plane = NDArray[np.float32]
Colour = tuple[float, float, float]

FINE = 3


class _Hour(NamedTuple):
    """Colours of a time of day: sky above, sky at the horizon, and the light that falls on things."""

    zenith: Colour
    low: Colour
    light: Colour


class _View(NamedTuple):
    """A landscape, (side,side,3) in [0,1], and the row where water begins; `side` where there is none."""

    pixels: Plane
    shore: int


_HOURS = (
    _Hour((0.33, 0.43, 0.56), (0.66, 0.70, 0.74), (0.86, 0.86, 0.82)),
    _Hour((0.27, 0.38, 0.54), (0.60, 0.66, 0.71), (0.80, 0.79, 0.74)),
    _Hour((0.45, 0.47, 0.50), (0.62, 0.63, 0.64), (0.62, 0.63, 0.64)),
    _Hour((0.20, 0.23, 0.33), (0.66, 0.49, 0.39), (0.60, 0.50, 0.43)),
    _Hour((0.38, 0.41, 0.50), (0.70, 0.62, 0.57), (0.68, 0.62, 0.57)),
    _Hour((0.12, 0.15, 0.22), (0.36, 0.36, 0.39), (0.36, 0.38, 0.43)),
)
_FIELDS: tuple[Colour, ...] = ((0.32, 0.37, 0.20), (0.40, 0.40, 0.22), (0.47, 0.41, 0.26), (0.28, 0.34, 0.23))
_SLOPES: tuple[Colour, ...] = ((0.22, 0.27, 0.19), (0.30, 0.28, 0.24), (0.33, 0.31, 0.29), (0.18, 0.23, 0.20))
_SHADOWS: tuple[Colour, ...] = ((0.36, 0.33, 0.66), (0.27, 0.41, 0.70), (0.47, 0.34, 0.63), (0.25, 0.46, 0.58))
_LIGHTS: tuple[Colour, ...] = ((1.00, 0.96, 0.78), (1.00, 0.91, 0.70), (1.00, 0.92, 0.86), (0.94, 0.98, 0.88))

_SPACING = 0.049
_WIDTHS = (0.068, 0.024)


def photo(rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a landscape as a camera sees it; returns (side,side,3)."""
    return developed(rng, _view(rng, side).pixels, 0.007)


def painting(rng: Generator, side: int) -> NDArray[np.uint8]:
    """Draw a landscape and paint it over in short strokes of violet, blue, cream and yellow; returns (side,side,3)."""
    view = _view(rng, side)
    colours = _impression(rng, view.pixels)
    canvas, angles = enlarged(colours), _directions(colours, view.shore)
    _paint(rng, canvas, colours, angles)
    painted = reduced(canvas)
    weave = 1 + 0.05 * (rng.random((side, side, 1), np.float32) - 0.5)
    return eight_bit(painted * weave)


def smooth_noise(rng: Generator, shape: tuple[int, int], rows: int, columns: int) -> Plane:
    """Return smooth noise about in [-1,1]: `shape` pixels high and wide, `rows` by `columns` bumps."""
    bumps = rng.random((rows, columns), np.float32) * 2 - 1
    return np.asarray(Image.fromarray(bumps).resize(shape[::-1], Image.Resampling.BICUBIC))


def developed(rng: Generator, pixels: Plane, blur: float) -> NDArray[np.uint8]:
    """Blur slightly, add a camera's grain, and round; pixels: (side,side,3) in [0,1]; blur: share of the side."""
    side = pixels.shape[0]
    grain = rng.standard_normal((side, side, 1), np.float32) * rng.uniform(0.006, 0.014)
    tint = rng.standard_normal((side, side, 3), np.float32) * 0.006
    return eight_bit(_softened(pixels, blur * side) + grain + tint)


def enlarged(pixels: Plane) -> Image.Image:
    """Return the picture `FINE` times as large, to draw on; pixels: (side,side,3) in [0,1]."""
    side = pixels.shape[0] * FINE
    return Image.fromarray(eight_bit(pixels)).resize((side, side), Image.Resampling.NEAREST)


def reduced(canvas: Image.Image) -> Plane:
    """Undo `enlarged`; what was drawn gets soft edges."""
    return np.asarray(canvas.reduce(FINE), np.float32) / np.float32(255)


def eight_bit(pixels: Plane) -> NDArray[np.uint8]:
    """Round values in [0,1] to 8 bits; others are clipped."""
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def ink(colour: Any) -> tuple[int, int, int]:
    """Return a colour in [0,1] as Pillow takes it."""
    red, green, blue = (min(255, max(0, int(value * 255 + 0.5))) for value in np.asarray(colour).tolist())
    return red, green, blue


def _softened(pixels: Plane, radius: float) -> Plane:
    image = Image.fromarray(eight_bit(pixels)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, np.float32) / np.float32(255)


def _array(colour: Colour) -> Plane:
    return np.array(colour, np.float32)


def _mix(below: Plane, above: Any, share: Any) -> Plane:
    mixed: Plane = below + (above - below) * share
    return mixed


def _view(rng: Generator, side: int) -> _View:
    hour = _HOURS[rng.integers(len(_HOURS))]
    horizon = int(side * rng.uniform(0.42, 0.66))
    pixels = _sky(rng, side, hour, horizon)
    for nearness in np.linspace(0.25, 0.8, rng.integers(1, 4)):
        pixels = _ridge(rng, pixels, hour, (horizon, float(nearness)))
    if rng.random() < 0.45:
        pixels = _furnished(rng, pixels, hour, [horizon + 1.0] * int(rng.integers(1, 6)))
        pixels = _water(rng, pixels, hour, horizon)
        return _View(_with_boats(rng, pixels, hour, horizon), horizon)
    pixels = _meadow(rng, pixels, hour, horizon)
    feet = horizon + 1 + (side - horizon) * 0.45 * rng.random(rng.integers(1, 6)) ** 2
    return _View(_furnished(rng, pixels, hour, sorted(feet.tolist())), side)


def _sky(rng: Generator, side: int, hour: _Hour, horizon: int) -> Plane:
    fall = np.linspace(0, side / horizon, side, dtype=np.float32)[:, None, None].clip(0, 1) ** 1.4
    sky = _mix(_array(hour.zenith), _array(hour.low), fall) * np.ones((1, side, 1), np.float32)
    puffs = sum(smooth_noise(rng, (side, side), 6 * k, 3 * k) / k for k in (1, 2, 4))
    cover = np.clip((puffs - rng.uniform(-0.5, 0.7)) / 0.7, 0, 1)[..., None]
    shade = np.clip(0.75 + 0.35 * (puffs - np.roll(puffs, -side // 16, 0)), 0.5, 1.1)[..., None]
    sky = _mix(sky, (0.45 * _array(hour.light) + 0.5 * _array(hour.low)) * shade, 0.85 * cover)
    return _with_sun(rng, sky, hour, horizon) if rng.random() < 0.35 else sky


def _with_sun(rng: Generator, sky: Plane, hour: _Hour, horizon: int) -> Plane:
    rows, columns = np.indices(sky.shape[:2], np.float32)
    across, down = rng.uniform(0.15, 0.85) * len(sky), rng.uniform(0.35, 0.9) * horizon
    distance = np.hypot(rows - down, columns - across)[..., None] * (64 / len(sky))
    glow = 0.45 * np.exp(-distance / 9) + np.clip(3.3 - distance, 0, 1) * 0.6
    return _mix(sky, np.minimum(1, _array(hour.low) * 1.35 + 0.08), np.minimum(glow, 1))


def _ridge(rng: Generator, pixels: Plane, hour: _Hour, place: tuple[int, float]) -> Plane:
    side, (horizon, nearness) = len(pixels), place
    line = sum(smooth_noise(rng, (1, side), 1, 2**k + 1)[0] / 2**k for k in range(1, 6)) * rng.uniform(0.12, 0.34)
    top = horizon - side * (np.clip(line + rng.uniform(0.02, 0.16), 0, 0.4) * (1.15 - nearness) + 0.02)
    rows = np.arange(side, dtype=np.float32)[:, None]
    inside = np.clip(rows - top + 0.5, 0, 1)[..., None]
    rough = 1 + 0.45 * smooth_noise(rng, (side, side), 30, 18)
    slope = _array(_SLOPES[rng.integers(len(_SLOPES))]) * _array(hour.light) * 1.25 * rough[..., None]
    haze = 0.82 * _array(hour.low) + 0.08 * _array(hour.zenith)
    return _mix(pixels, _mix(haze, slope, nearness), inside)


def _meadow(rng: Generator, pixels: Plane, hour: _Hour, horizon: int) -> Plane:
    side = len(pixels)
    field = _array(_FIELDS[rng.integers(len(_FIELDS))]) * _array(hour.light) * 1.2
    far = np.arange(side, dtype=np.float32).clip(horizon) - horizon
    deep = (side * 3 / (far * 64 / side + 3)).astype(int) % side
    tufts = (0.5 * smooth_noise(rng, (side, side), 20, 6) + 0.4 * smooth_noise(rng, (side, side), 40, 24))[deep]
    blades = 0.3 * smooth_noise(rng, (side, side), side // 2, side) * (far / side)[:, None] * 2
    bands = field * (1 + 0.5 * (tufts + blades)[..., None]) + 0.05 * tufts[..., None] * _array((1.0, 0.8, 0.1))
    inside = np.clip(np.arange(side) - horizon + 0.5, 0, 1).astype(np.float32)[:, None, None]
    return _mix(pixels, _mix(bands, _array(hour.low) * 0.8, 0.45 * np.exp(-far * 10 / side)[:, None, None]), inside)


def _water(rng: Generator, pixels: Plane, hour: _Hour, horizon: int) -> Plane:
    side = len(pixels)
    ripples = smooth_noise(rng, (side, side), side // 2, 9) * rng.uniform(0.6, 2.2)
    depth = np.arange(side - horizon, dtype=np.float32)[:, None]
    source = horizon - 1 - depth * 0.9 + ripples[horizon:] * np.sqrt(depth + 0.3) * 0.8
    mirrored = pixels[source.astype(int).clip(0, horizon - 1), np.arange(side)]
    body = _array((0.13, 0.19, 0.21)) * _array(hour.light) * 1.2
    below = _mix(mirrored, body, 0.18 + 0.35 * depth[..., None] / (side - horizon))
    return np.concatenate([pixels[:horizon], below * (1 + 0.10 * ripples[horizon:, :, None])])


def _furnished(rng: Generator, pixels: Plane, hour: _Hour, feet: list[float]) -> Plane:
    canvas = enlarged(pixels)
    draw, side = ImageDraw.Draw(canvas), len(pixels)
    if rng.random() < 0.3:
        _house(rng, draw, hour, (rng.uniform(0.15, 0.8) * side, feet[0], rng.uniform(0.07, 0.12) * side))
    for foot in feet:
        size = side * rng.uniform(0.10, 0.20) * (0.8 + 3.0 * (foot - feet[0]) / side)
        tree = _poplar if rng.random() < 0.35 else _oak
        tree(rng, draw, hour, (rng.uniform(0, side), foot, size))
    return reduced(canvas)


def _oak(rng: Generator, draw: ImageDraw.ImageDraw, hour: _Hour, place: tuple[float, float, float]) -> None:
    x, foot, size = (value * FINE for value in place)
    leaf = _array((0.17, 0.22, 0.11)) * _array(hour.light) * rng.uniform(1.0, 1.6)
    draw.line((x, foot, x, foot - size * 0.6), ink(leaf * 0.5), max(1, int(size * 0.09)))
    angle, far, tone = rng.uniform(0, 1, (3, 16))
    across, up = 0.42 * np.sqrt(far) * np.sin(2 * np.pi * angle), 0.27 * np.sqrt(far) * np.cos(2 * np.pi * angle)
    radius = 0.19 - 0.08 * np.sqrt(far) + 0.03 * tone
    boxes = (across - radius, -0.68 - up - radius, across + radius, -0.68 - up + radius)
    places = (np.stack(boxes, 1) * size + (x, foot, x, foot)).tolist()
    for box, light in zip(places, (0.95 + 0.9 * up + 0.4 * tone).tolist(), strict=True):
        draw.ellipse(box, ink(leaf * light))


def _poplar(rng: Generator, draw: ImageDraw.ImageDraw, hour: _Hour, place: tuple[float, float, float]) -> None:
    x, foot, size = (value * FINE for value in place)
    leaf = _array((0.14, 0.20, 0.12)) * _array(hour.light) * rng.uniform(0.9, 1.5)
    for share, tone in ((1.0, 0.8), (0.7, 1.1)):
        width, top = size * 0.20 * share, foot - size * 1.5
        tip, low = (x + width * (1 - share), top), foot - size * 0.1
        sides = [(x + width, foot - size * 0.6), (x + width * 0.5, low), (x - width, low - size * 0.2)]
        draw.polygon([tip, *sides], ink(leaf * tone))


def _house(rng: Generator, draw: ImageDraw.ImageDraw, hour: _Hour, place: tuple[float, float, float]) -> None:
    x, foot, size = (value * FINE for value in place)
    wall = _array(((0.80, 0.76, 0.68), (0.62, 0.50, 0.40))[rng.integers(2)]) * _array(hour.light)
    roof = _array(((0.48, 0.25, 0.18), (0.30, 0.29, 0.31))[rng.integers(2)]) * _array(hour.light)
    eaves = foot - size * 0.6
    draw.rectangle((x, eaves, x + size * 0.5, foot), ink(wall))
    draw.rectangle((x + size * 0.5, eaves, x + size * 1.3, foot), ink(wall * 0.7))
    draw.polygon([(x - 2, eaves), (x + size * 0.25, eaves - size * 0.45), (x + size * 0.5, eaves)], ink(wall))
    slope = [(x + size * 0.25, eaves - size * 0.5), (x + size * 1.15, eaves - size * 0.5)]
    draw.polygon([*slope, (x + size * 1.38, eaves + 1), (x + size * 0.48, eaves + 1)], ink(roof))
    for pane in (0.68, 0.98):
        left, right = x + size * pane, x + size * (pane + 0.13)
        draw.rectangle((left, foot - size * 0.4, right, foot - size * 0.15), ink(wall * 0.25))


def _with_boats(rng: Generator, pixels: Plane, hour: _Hour, horizon: int) -> Plane:
    feet = np.sort(rng.uniform(0.08, 0.55, rng.integers(3))).tolist()
    if not feet:
        return pixels
    canvas, side = enlarged(pixels), len(pixels)
    for foot in feet:
        size = side * (0.08 + 0.30 * foot)
        place = (rng.uniform(0.1, 0.9) * side, horizon + foot * (side - horizon), size)
        _boat(rng, ImageDraw.Draw(canvas), hour, place)
    return reduced(canvas)


def _boat(rng: Generator, draw: ImageDraw.ImageDraw, hour: _Hour, place: tuple[float, float, float]) -> None:
    x, foot, size = (value * FINE for value in place)
    sail = _array(((0.92, 0.90, 0.84), (0.72, 0.42, 0.30))[rng.integers(2)]) * _array(hour.light)
    facing = -1 if rng.random() < 0.5 else 1
    for up, tone in ((-0.55, 0.55), (1.0, 1.0)):
        mast = [(x, foot - up * size * 1.15), (x, foot - up * size * 0.18)]
        draw.polygon([*mast, (x + facing * size * 0.5, foot - up * size * 0.2)], ink(sail * tone))
        jib = [(x - facing * 2, foot - up * size), (x - facing * size * 0.36, foot - up * size * 0.2)]
        draw.polygon([*jib, (x - facing * 2, foot - up * size * 0.2)], ink(sail * tone * 0.85))
    hull = [(x - size * 0.46, foot - size * 0.14), (x + size * 0.5, foot - size * 0.14)]
    wood = ink(_array((0.18, 0.13, 0.11)) * _array(hour.light))
    draw.polygon([*hull, (x + size * 0.34, foot + 2), (x - size * 0.34, foot + 2)], wood)


def _impression(rng: Generator, pixels: Plane) -> Plane:
    """Shift the colours as a painter in the open air would: no black, violet shadows, warm lights, strong hues."""
    shadow, light = _SHADOWS[rng.integers(len(_SHADOWS))], _LIGHTS[rng.integers(len(_LIGHTS))]
    tone = pixels.mean(2, keepdims=True)
    lit = np.clip((tone - tone.min()) / (tone.max() - tone.min() + 0.05), 0, 1) ** 0.85
    vivid = (pixels - tone) * 2.6
    toned: Plane = _mix(_array(shadow), _array(light), lit) * 0.97 + vivid * (1.1 - 0.5 * lit)
    return toned


def _paint(rng: Generator, canvas: Image.Image, colours: Plane, angles: Plane) -> None:
    """Cover the canvas, broad strokes first; colours: (side,side,3), angles: (side,side), of a stroke at each pixel."""
    side, spacing = len(colours), len(colours) * _SPACING
    spots = np.mgrid[0:side:spacing, 0:side:spacing].reshape(2, -1).T
    spots = rng.permutation(spots + rng.uniform(-0.6, 0.6, spots.shape) * spacing)
    rows, columns = spots.astype(int).clip(0, side - 1).T
    widths = np.linspace(*_WIDTHS, len(spots)) * side
    turned = angles[rows, columns] + rng.normal(0, 0.22, len(spots))
    reach = np.stack([np.cos(turned), np.sin(turned)], 1) * (widths * rng.uniform(0.8, 1.4, len(spots)))[:, None]
    shades = rng.normal(0, 0.035, (len(spots), 3)) + rng.normal(0, 0.03, (len(spots), 1))
    inks = (np.clip(colours[rows, columns] + shades, 0, 1) * 255).astype(int).tolist()
    ends = (np.concatenate([spots[:, ::-1] - reach, spots[:, ::-1] + reach], 1) * FINE).tolist()
    draw = ImageDraw.Draw(canvas)
    for line, colour, width in zip(ends, inks, (widths * FINE + 0.5).astype(int).tolist(), strict=True):
        draw.line(line, tuple(colour), width)


def _directions(colours: Plane, shore: int) -> Plane:
    """Return the angle of a stroke at each pixel: along edges, level where nothing changes and below the shore."""
    tone = _softened(colours, len(colours) / 32).mean(2)
    down, across = np.gradient(tone)
    angles: Plane = np.arctan2(-across, down + 0.02 * np.where(down < 0, -1, 1))
    angles[shore:] = 0
    return angles
