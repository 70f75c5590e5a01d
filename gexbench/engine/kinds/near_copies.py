"""How near the questions of a run come to the images it is tested on.

Two images are compared tile by tile. A tile of grey (the mean of the colours) is band-passed, blurred by 1 pixel less
blurred by 3, and then each value b becomes b / sqrt(b^2 + rms^2/4), so that one strong edge does not decide. r is the
largest |Pearson correlation| of a tile of the question, or of its mirror image, with a tile of the test image at any
place; the largest tiles are also turned by 90, 180 and 270 degrees. Tiles are of several sides, and for each `SLACK`
says how far from 1 the r of a copy may lie: the distance is (1 - r) / SLACK, the least over all tiles and sides, and
under 1 counts as near. An exact copy has distance 0, whatever it shows. Otherwise tiles without contrast, or with one
edge alone, count for nothing, and what is far from all has no distance. Images of a fixed side above `SIDE` are made
smaller first.

Places are looked for among tiles averaged to 8x8 cells; those found are compared in full. In large images, or among
very many questions, the tiles of most variation alone are looked for, so that the work is bounded; a quiet piece hidden
in a large busy image may be missed there.

Found are, as a rule, images and pieces (down to a tile) with another brightness, contrast or gamma, a negative, shifts,
mirror images, JPEG and weak noise. Not found are another size (from 5 % on), a turn by a few degrees, a warp, noise or
JPEG that leave little of the texture, and pieces with one edge alone that are not exact copies. Shares, and what honest
questions keep from the tests: benchmarks/near_copies.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from gexbench.engine.wire.questions import question_digest

SIDE = 64
SLACK = {48: 0.045, 32: 0.015, 24: 0.03, 16: 0.005}
"""Side of a tile, and 1 - r of what is on the edge of being a copy."""
CELLS = 8
"""Cells a side that a tile is averaged to when places are looked for, at steps of half a cell."""
WORTH, LOOKED_AT = 0.8, 2
"""Least likeness of averaged tiles for a place to be compared in full, and in how many images."""
FLAT = 0.003
"""Root mean square, of band-passed values in [0,1], below which a tile has no contrast."""
SPREAD = 0.15
"""Mean square squared, over the mean fourth power, below which a tile is one edge or one spot, as many images have."""
PAIRS = 50_000_000_000
"""About how many tiles of questions times places in inputs are looked at for each side and phase: some minutes."""
PIXELS_AT_ONCE, NUMBERS_AT_ONCE = 1 << 25, 1 << 20


@dataclass
class Nearness:
    """distance: the least, infinite where nothing is alike. asked: which questions came near; met: to what."""

    distance: float = math.inf
    asked: set[int] = field(default_factory=set)
    met: set[int] = field(default_factory=set)

    def note(self, question: int, image: int, distance: float) -> None:
        """Take in the distance of a question from a test image."""
        self.distance = min(self.distance, max(0.0, distance))
        if distance < 1:
            self.asked.add(question)
            self.met.add(image)


class TestInputs:
    """The inputs of a test split, ready to be compared with.

    inputs: each (3,h,w) uint8. fixed: whether all questions and inputs are of one side, and may be made smaller.
    questions: how many there may be; the more, the fewer tiles of each are looked for.
    """

    __test__ = False

    def __init__(self, inputs: Sequence[Tensor], fixed: bool, questions: int = 1024) -> None:
        self._fixed, self._questions = fixed, questions
        self._inputs: dict[bytes, list[int]] = {}
        for number, image in enumerate(inputs):
            self._inputs.setdefault(_digest(image), []).append(number)
        self._greys = [_grey(image[None], fixed) for image in inputs]
        self._places: dict[int, _Places] = {}

    def nearness(self, questions: Iterable[Tensor]) -> Nearness:
        """Compare questions, each (3,h,w) uint8, with all inputs."""
        found = Nearness()
        batch: list[Tensor] = []
        first = 0
        for number, image in enumerate(questions):
            for copied in self._inputs.get(_digest(image), ()):
                found.note(number, copied, 0.0)
            if batch and (image.shape != batch[0].shape or len(batch) * image[0].numel() >= PIXELS_AT_ONCE):
                self._compare(torch.stack(batch), first, found)
                first, batch = number, []
            batch.append(image)
        if batch:
            self._compare(torch.stack(batch), first, found)
        return found

    def _compare(self, images: Tensor, first: int, found: Nearness) -> None:
        for greys in _phases(images, self._fixed):
            for side, turns in _ways(greys.shape[-2:]):
                if side not in self._places:
                    self._places[side] = _Places(self._greys, side)
                places = self._places[side]
                most = PAIRS // max(1, self._questions * places.count)
                tiles, owner = _tiles(greys.rot90(turns, (-2, -1)), side, max(1, most))
                for row, image, r in places.alike(tiles):
                    found.note(first + int(owner[row]), image, (1 - r) / SLACK[side])
                if not most:
                    return  # neither smaller tiles nor other phases


@dataclass(frozen=True)
class _Halves:
    """Averaged tiles, of length 1 together: what is even, and what is odd, when left and right change; each (n,32).

    With a and b the products of two tiles' even and odd halves, a + b is their likeness, and a - b that of one with the
    other's mirror image: the larger of both, a negative being as like, is |a| + |b|.
    """

    even: Tensor
    odd: Tensor

    def likeness(self, other: _Halves) -> Tensor:
        """Return the likeness (n,m) of each with each of others."""
        return (self.even @ other.even.T).abs_().add_((self.odd @ other.odd.T).abs_())

    def of(self, rows: slice | list[int]) -> _Halves:
        """Return some of them."""
        return _Halves(self.even[rows], self.odd[rows])


class _Places:
    """All tiles of one side in some grey images, averaged, at steps of half a cell."""

    def __init__(self, greys: Sequence[Tensor], side: int) -> None:
        self._side, self._step = side, side // (2 * CELLS)
        self._padded = [F.pad(grey, (1, 1, 1, 1), mode="replicate")[0, 0] for grey in greys]
        large = [k for k, grey in enumerate(greys) if min(grey.shape[-2:]) >= side]
        self._averaged = {k: self._all(greys[k]) for k in large}
        self.count = sum(len(halves.even) for halves in self._averaged.values())

    def _all(self, grey: Tensor) -> _Halves:
        cell = self._side // CELLS
        means = F.avg_pool2d(grey, cell, stride=1)
        return _halves(F.unfold(means, CELLS, dilation=cell, stride=self._step)[0].T)

    def alike(self, tiles: Tensor) -> Iterator[tuple[int, int, float]]:
        """Yield, where a grey tile (n,side,side) is like an image: the tile's number, the image's, and r."""
        if not self._averaged:
            return
        halves, numbers = _halves(F.avg_pool2d(tiles[:, None], self._side // CELLS).flatten(1)), list(self._averaged)
        likest = self._likeness(halves).topk(min(LOOKED_AT, len(numbers)), 1)
        rows, ranks = (likest.values > WORTH).nonzero().T
        pairs = [(row, numbers[k]) for row, k in zip(rows.tolist(), likest.indices[rows, ranks].tolist(), strict=True)]
        for start in range(0, len(pairs), 256):
            part = pairs[start : start + 256]
            asked = [row for row, _ in part]
            windows = torch.stack([self._window(halves.of([row]), image) for row, image in part])
            each = _in_windows(windows, tiles[asked], halves.of(asked))
            yield from ((row, image, r) for (row, image), r in zip(part, each.tolist(), strict=True))

    def _likeness(self, tiles: _Halves) -> Tensor:
        columns = list[Tensor]()
        for places in self._averaged.values():
            count = len(tiles.even)
            at_once = max(1, NUMBERS_AT_ONCE // len(places.even))
            parts = (tiles.of(slice(k, k + at_once)) for k in range(0, count, at_once))
            columns.append(torch.cat([part.likeness(places).amax(1) for part in parts]))
        return torch.stack(columns, 1)

    def _window(self, tile: _Halves, image: int) -> Tensor:
        """Return where in an image an averaged tile fits best, and a pixel around it."""
        padded = self._padded[image]
        best = int(self._averaged[image].likeness(tile).argmax())
        across = (padded.shape[1] - 2 - self._side) // self._step + 1
        top, left = (self._step * k for k in divmod(best, across))
        reach = self._side + 2
        return padded[top : top + reach, left : left + reach]


def sides(shape: Sequence[int]) -> list[int]:
    """Return the sides of the tiles that images of this shape are compared by: the two largest that fit."""
    return [side for side in SLACK if side <= min(shape)][:2]


def _ways(shape: Sequence[int]) -> list[tuple[int, int]]:
    """Return the sides of tiles, and how often images are turned by 90 degrees before: the largest tiles alone are."""
    return [(side, turns) for rank, side in enumerate(sides(shape)) for turns in range(1 if rank else 4)]


def _digest(image: Tensor) -> bytes:
    return question_digest(image.shape, image.numpy().tobytes())


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


def _tiles(greys: Tensor, side: int, most: int) -> tuple[Tensor, Tensor]:
    """Return tiles (n,side,side) of grey images (N,1,h,w) at steps of half a side, to both ends, and whose each is.

    Of an image with more than `most` tiles, those of most variation along their rows are taken.
    """
    height, width = greys.shape[-2:]
    rows, columns = (sorted({*range(0, size - side + 1, side // 2), size - side}) for size in (height, width))
    corners = [(y, x) for y in rows for x in columns]
    cut = torch.stack([greys[:, 0, y : y + side, x : x + side] for y, x in corners], 1)
    if len(corners) > most:
        chosen = cut.diff().abs().mean((2, 3)).topk(most, 1).indices
        cut = cut[torch.arange(len(cut))[:, None], chosen]
    return cut.flatten(0, 1), torch.arange(len(greys)).repeat_interleave(cut.shape[1])


def _halves(averaged: Tensor) -> _Halves:
    """Return averaged tiles (n,64), from which what is coarse is taken away."""
    square, blur = averaged.reshape(-1, CELLS, CELLS), _blur(CELLS, 1.0)
    units = _evened((square - blur @ square @ blur.T).flatten(1)).view(-1, CELLS, CELLS)
    left, right = units[..., : CELLS // 2], units[..., CELLS // 2 :].flip(-1)
    return _Halves((left + right).flatten(1) / math.sqrt(2), (left - right).flatten(1) / math.sqrt(2))


def _units(tiles: Tensor) -> tuple[Tensor, Tensor]:
    """Return grey tiles (n,side,side) as (n,side^2), band-passed and evened out, and which have contrast."""
    side = tiles.shape[-1]
    fine, coarse = (blur @ tiles @ blur.T for blur in (_blur(side, 1.0), _blur(side, 3.0)))
    band = (fine - coarse).flatten(1)
    power = band.square().mean(1)
    return _evened(band), (power.sqrt() >= FLAT) & (power.square() >= SPREAD * band.pow(4).mean(1))


def _evened(band: Tensor) -> Tensor:
    """Return rows (n,m) with strong values made weaker, mean 0 and length 1."""
    power = band.square().mean(1, keepdim=True)
    even = band / (band.square() + power / 4 + 1e-12).sqrt()
    even = even - even.mean(1, keepdim=True)
    length: Tensor = even.norm(dim=1, keepdim=True)
    return even / length.clamp(min=1e-6)


def _blur(side: int, sigma: float) -> Tensor:
    """Return the matrix (side,side) that blurs a row; what lies beyond an end counts as nothing."""
    at = torch.arange(side, dtype=torch.float32)
    weights = torch.exp(-(at[:, None] - at).square() / (2 * sigma * sigma))
    return weights / weights.sum(1, keepdim=True)


def _in_windows(windows: Tensor, tiles: Tensor, averaged: _Halves) -> Tensor:
    """Return |r| of tiles (n,side,side) where in their windows they fit best when averaged; 0 without contrast."""
    side, count = tiles.shape[-1], len(tiles)
    cut = F.unfold(windows[:, None], side).transpose(1, 2).reshape(-1, side, side)
    places = _halves(F.avg_pool2d(cut[:, None], side // CELLS).flatten(1))
    a = (places.even.view(count, -1, averaged.even.shape[1]) @ averaged.even[:, :, None])[..., 0]
    b = (places.odd.view(count, -1, averaged.odd.shape[1]) @ averaged.odd[:, :, None])[..., 0]
    best = (torch.arange(count), (a.abs() + b.abs()).argmax(1))
    mirrored = (a * b < 0)[best]
    there, rich = _units(cut.view(count, -1, side, side)[best])
    asked, worth = _units(torch.where(mirrored[:, None, None], tiles.flip(-1), tiles))
    return torch.where(rich & worth, (there * asked).sum(1).abs(), 0.0)
