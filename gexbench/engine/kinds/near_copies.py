"""How near the questions of a run come to the images it is tested on.

Two images are compared tile by tile. A tile of grey (the mean of the colours) is band-passed, blurred by 1 pixel less
blurred by 3, and then each value b becomes b / sqrt(b^2 + rms^2/4), so that one strong edge does not decide. r is the
largest |Pearson correlation| of a tile of the question, or of its mirror image, with a tile of the test image at any
place. Brightness, contrast, a negative and small edits leave r near 1; a shift, a crop, a tile and a larger canvas move
the place alone. Tiles are of several sides, and for each `SLACK` says how far from 1 the r of a copy may lie: the
distance is (1 - r) / SLACK, the least over all tiles and sides, and under 1 counts as near. Tiles without contrast, or
with one edge alone, count for nothing: a flat question has no distance. Images of a fixed side above `SIDE` are made
smaller first.

What honest questions keep from the tests, and which edits are found: benchmarks/near_copies.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 64
SLACK = {48: 0.045, 32: 0.022, 24: 0.035, 16: 0.003}
"""Side of a tile, and 1 - r of what is on the edge of being a copy."""
CELLS = 8
"""Cells a side that a tile is averaged to when places are looked for; those found are then compared in full."""
STEP = 2
WORTH, LOOKED_AT = 0.8, 2
"""Least likeness of averaged tiles for a place to be compared in full, and in how many images."""
FLAT = 0.003
"""Root mean square, of band-passed values in [0,1], below which a tile has no contrast."""
SPREAD = 0.12
"""Mean square squared, over the mean fourth power, below which a tile is one edge or one spot, as many images have."""
QUESTIONS_AT_ONCE, NUMBERS_AT_ONCE = 64, 1 << 24


@dataclass
class Nearness:
    """distance: the least, infinite where nothing could be compared. asked: which questions came near; met: to what."""

    distance: float = math.inf
    asked: set[int] = field(default_factory=set)
    met: set[int] = field(default_factory=set)


class TestInputs:
    """The inputs of a test split, ready to be compared with.

    inputs: each (3,h,w) uint8. fixed: whether all questions and inputs are of one side, and may be made smaller.
    """

    __test__ = False

    def __init__(self, inputs: Sequence[Tensor], fixed: bool) -> None:
        self._fixed = fixed
        self._greys = [_grey(image[None], fixed) for image in inputs]
        self._places: dict[int, _Places] = {}

    def nearness(self, questions: Iterable[Tensor]) -> Nearness:
        """Compare questions, each (3,h,w) uint8, with all inputs."""
        found = Nearness()
        batch: list[Tensor] = []
        first = 0
        for image in questions:
            if batch and (image.shape != batch[0].shape or len(batch) == QUESTIONS_AT_ONCE):
                self._compare(torch.stack(batch), first, found)
                first, batch = first + len(batch), []
            batch.append(image)
        if batch:
            self._compare(torch.stack(batch), first, found)
        return found

    def _compare(self, images: Tensor, first: int, found: Nearness) -> None:
        for grey in _phases(images, self._fixed):
            for side in sides(grey.shape[-2:]):
                if side not in self._places:
                    self._places[side] = _Places(self._greys, side)
                places = self._places[side]
                tiles, owner = _tiles(torch.cat([grey, grey.flip(-1)]), side)
                at_once = max(1, NUMBERS_AT_ONCE // max(1, len(places.corners)))
                for part, numbers in zip(tiles.split(at_once), owner.split(at_once), strict=True):
                    _note(found, (1 - places.likeness(part)) / SLACK[side], numbers % len(images) + first)


class _Places:
    """All tiles of one side in some grey images, averaged, at every second pixel."""

    def __init__(self, greys: Sequence[Tensor], side: int) -> None:
        self._side, self._images = side, len(greys)
        self._padded = [F.pad(grey, (1, 1, 1, 1), mode="replicate")[0, 0] for grey in greys]
        self.corners = list[tuple[int, int, int]]()
        self._spans = list[tuple[int, int, int]]()
        coarse = list[Tensor]()
        for image, grey in enumerate(greys):
            if min(grey.shape[-2:]) < side:
                continue
            units, contrast = _units(F.unfold(grey, side, stride=STEP)[0].T, side)
            across = (grey.shape[-1] - side) // STEP + 1
            if kept := contrast.nonzero()[:, 0].tolist():
                self._spans.append((image, len(self.corners), len(self.corners) + len(kept)))
                self.corners += [(image, STEP * (k // across), STEP * (k % across)) for k in kept]
                coarse.append(_averaged(units[contrast], side))
        self._coarse = torch.cat(coarse).T.contiguous() if coarse else torch.zeros(CELLS * CELLS, 0)

    def likeness(self, tiles: Tensor) -> Tensor:
        """Return r of each tile with each image, (n,images); tiles: (n,side^2) from `_tiles`.

        Only the images most like it are looked at in full; for others it is that of the averaged tiles, at most WORTH,
        and -1 for images without contrast.
        """
        r = torch.full((len(tiles), self._images), -1.0)
        table = (_averaged(tiles, self._side) @ self._coarse).abs_()
        places = torch.zeros(r.shape, dtype=torch.long)
        for image, first, last in self._spans:
            best = table[:, first:last].max(1)
            r[:, image], places[:, image] = best.values, best.indices + first
        likest = torch.zeros(r.shape, dtype=torch.bool).scatter_(1, r.topk(min(LOOKED_AT, r.shape[1]), 1).indices, True)
        worth = (likest & (r > WORTH)).nonzero()
        r = r.clamp(max=WORTH)
        for part in worth.split(512) if len(worth) else ():
            rows, images = part.T
            windows = torch.stack([self._window(*self.corners[k]) for k in places[rows, images].tolist()])
            r[rows, images] = _in_windows(windows, tiles[rows], self._side)
        return r

    def _window(self, image: int, top: int, left: int) -> Tensor:
        reach = self._side + 2
        return self._padded[image][top : top + reach, left : left + reach]


def _note(found: Nearness, distances: Tensor, numbers: Tensor) -> None:
    """Take in the distances (n,images) of tiles that belong to the questions of these numbers."""
    if distances.numel():
        near = distances < 1
        found.distance = min(found.distance, max(0.0, float(distances.min())))
        found.asked.update(numbers[near.any(1)].tolist())
        found.met.update(near.any(0).nonzero()[:, 0].tolist())


def sides(shape: Sequence[int]) -> list[int]:
    """Return the sides of the tiles that images of this shape are compared by: the two largest that fit."""
    return [side for side in SLACK if side <= min(shape)][:2]


def _phases(images: Tensor, fixed: bool) -> Iterator[Tensor]:
    """Yield grey images, and where they are made smaller also those moved by half a pixel of the smaller."""
    yield _grey(images, fixed)
    half = max(images.shape[-2:]) // (2 * SIDE) if fixed else 0
    for down, right in ((0, half), (half, 0), (half, half)) if half else ():
        yield _grey(images.roll((down, right), (-2, -1)), fixed)


def _grey(images: Tensor, fixed: bool) -> Tensor:
    """Return images (N,3,h,w) uint8 as (N,1,h,w) in [0,1]."""
    grey = images.float().mean(1, keepdim=True) / 255
    if fixed and max(grey.shape[-2:]) > SIDE:
        grey = F.interpolate(grey, size=(SIDE, SIDE), mode="area")
    return grey


def _tiles(greys: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return tiles of grey images (N,1,h,w) at steps of half a side, to both ends, and the number of the image of each.

    The tiles (n,side^2) are as from `_units`, those without contrast left out.
    """
    height, width = greys.shape[-2:]
    rows, columns = (sorted({*range(0, size - side + 1, side // 2), size - side}) for size in (height, width))
    cut = [greys[:, 0, y : y + side, x : x + side].flatten(1) for y in rows for x in columns]
    units, contrast = _units(torch.cat(cut), side)
    return units[contrast], torch.arange(len(greys)).repeat(len(cut))[contrast]


def _units(tiles: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return grey tiles (…,side^2) band-passed and evened out, with mean 0 and length 1, and which have contrast.

    They come back with rows and columns exchanged, all of them.
    """
    square = tiles.reshape(-1, side, side)
    fine, coarse = ((square @ blur.T).transpose(1, 2) @ blur.T for blur in (_blur(side, 1.0), _blur(side, 3.0)))
    band = (fine - coarse).flatten(1)
    power = band.square().mean(-1, keepdim=True)
    even = band / (band.square() + power / 4 + 1e-12).sqrt()
    even = even - even.mean(-1, keepdim=True)
    units = even / even.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    rich = (power[:, 0].sqrt() >= FLAT) & (power[:, 0].square() >= SPREAD * band.pow(4).mean(-1))
    return units.view(tiles.shape), rich.view(tiles.shape[:-1])


def _blur(side: int, sigma: float) -> Tensor:
    """Return the matrix (side,side) that blurs a row; what lies beyond an end counts as nothing."""
    at = torch.arange(side, dtype=torch.float32)
    weights = torch.exp(-(at[:, None] - at).square() / (2 * sigma * sigma))
    return weights / weights.sum(1, keepdim=True)


def _averaged(units: Tensor, side: int) -> Tensor:
    cells: Tensor = F.avg_pool2d(units.view(-1, 1, side, side), side // CELLS).flatten(1)
    length: Tensor = cells.norm(dim=-1, keepdim=True)
    return cells / length.clamp(min=1e-6)


def _in_windows(windows: Tensor, tiles: Tensor, side: int) -> Tensor:
    """Return the largest |r| of tiles (n,side^2) at all places of their windows (n,reach,reach)."""
    units, contrast = _units(F.unfold(windows[:, None], side).transpose(1, 2), side)
    r = (units @ tiles[:, :, None]).abs()[..., 0]
    return torch.where(contrast, r, 0.0).amax(1)
