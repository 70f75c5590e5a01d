"""Domains drawn by code, photos and style images without pairs: nothing to download."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import PCG64, Generator
from numpy.typing import NDArray
from torch import Tensor

from gexbench.core.dataset import Named, Split
from gexbench.core.images import from_uint8
from gexbench.core.lazy import Lazy
from gexbench.datasets import chalk, faces, figures, scenes
from gexbench.datasets.real_images import RealImages
from gexbench.datasets.settings import refuse_unknown
from gexbench.errors import CardError, nearest

_LEAST, _MOST = 16, 256


class _Domain(NamedTuple):
    """Two ways to draw from a generator, each (side,side,3)."""

    photo: Callable[[Generator, int], NDArray[np.uint8]]
    style: Callable[[Generator, int], NDArray[np.uint8]]


class _Set(NamedTuple):
    """How the owner's images are drawn, and how all others: in a new domain where a victim is to be carried into it."""

    owner: Callable[[Generator, int], NDArray[np.uint8]]
    others: Callable[[Generator, int], NDArray[np.uint8]]


_DOMAINS = {"scenes": _Domain(scenes.photo, scenes.painting), "faces": _Domain(faces.photo, faces.cartoon)}
_SETS = {"figures": _Set(figures.figure, figures.figure), "figures-to-chalk": _Set(figures.figure, chalk.figure)}


@dataclass(frozen=True)
class Drawing:
    """What the card sets. domain: what is drawn, by its name in `_DOMAINS` or `_SETS`. side: in pixels."""

    domain: str
    side: int = 64

    @classmethod
    def of(cls, settings: Mapping[str, Any], domains: Mapping[str, object], reader: str) -> Drawing:
        """Read a card's settings; raises CardError for an unknown key, an unknown domain or a side out of range."""
        refuse_unknown(settings, (field.name for field in fields(cls)), reader)
        drawing = cls(**{"domain": next(iter(domains)), **settings})
        if drawing.domain not in tuple(domains):
            raise CardError(f"settings.domain = {drawing.domain!r} is refused", nearest(str(drawing.domain), domains))
        if type(drawing.side) is not int or not _LEAST <= drawing.side <= _MOST:
            raise CardError(f"settings.side = {drawing.side!r} is refused", f"a whole number, {_LEAST} to {_MOST}")
        return drawing


class DrawnDomains:
    """Draw images when they are asked for; `DrawnDomains(settings, files)`, settings as in `Drawing`.

    files: names by split, "owner", "style", "pool", "reference", "test/<name>". A picture depends on its name, its side
    and on whether it is a photo or a style image; one whose name begins with "close/" is the middle of a picture twice
    as large, as if seen from nearby. All are 8-bit. The truth of a test split is all of "reference",
    whatever the inputs. Raises CardError for settings it does not know.
    """

    def __init__(self, settings: Mapping[str, Any], files: Mapping[str, Sequence[Named]]) -> None:
        self._drawing = Drawing.of(settings, _DOMAINS, "DrawnDomains")
        self._files = files

    def owner(self) -> Sequence[Tensor]:
        """Return the owner's photos, each (3,side,side) float32 in [0,1]."""
        return self._photos("owner")

    def style(self) -> Sequence[Tensor]:
        """Return the owner's style images."""
        return self._drawn("style", _DOMAINS[self._drawing.domain].style)

    def pool(self) -> Split:
        """Return the attacker's photos; nobody knows a truth about them."""
        return Split(self._names("pool"), self._photos("pool"), ())

    def tests(self) -> dict[str, Split]:
        """Return the test photos by name, each split with all held-back style images."""
        truth = self._drawn("reference", _DOMAINS[self._drawing.domain].style)
        keys = [key for key in self._files if key.startswith("test/")]
        return {key.removeprefix("test/"): Split(self._names(key), self._photos(key), truth) for key in keys}

    def _names(self, split: str) -> list[str]:
        return [picture.name for picture in self._files[split]]

    def _photos(self, split: str) -> Sequence[Tensor]:
        return self._drawn(split, _DOMAINS[self._drawing.domain].photo)

    def _drawn(self, split: str, draw: Callable[[Generator, int], NDArray[np.uint8]]) -> Sequence[Tensor]:
        names = self._names(split)
        return Lazy(len(names), lambda index: _tensor(self._pixels(names[index], draw)))

    def _pixels(self, name: str, draw: Callable[[Generator, int], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        side = self._drawing.side
        if not name.startswith("close/"):
            return draw(_generator(name), side)
        first = side // 2
        return draw(_generator(name), 2 * side)[first : first + side, first : first + side]


class DrawnImages(RealImages):
    """Draw real images for services that draw images themselves; `DrawnImages(settings, files)`, settings as `Drawing`.

    files: names by split, "owner", "test/<name>", and "pool" where attackers own some. A picture depends on its name
    and its side, and in a domain such as "figures-to-chalk" on whether it is the owner's, who has figures, or not.
    All are 8-bit. Raises CardError for settings it does not know.
    """

    def __init__(self, settings: Mapping[str, Any], files: Mapping[str, Sequence[Named]]) -> None:
        super().__init__(files)
        self._drawing = Drawing.of(settings, _SETS, "DrawnImages")

    def _images(self, split: str) -> Sequence[Tensor]:
        names = self._names(split)
        ways, side = _SETS[self._drawing.domain], self._drawing.side
        draw = ways.owner if split == "owner" else ways.others
        return Lazy(len(names), lambda index: _tensor(draw(_generator(names[index]), side)))


def _generator(name: str) -> Generator:
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    return Generator(PCG64(int.from_bytes(digest, "little")))


def _tensor(pixels: NDArray[np.uint8]) -> Tensor:
    return from_uint8(torch.from_numpy(pixels).permute(2, 0, 1).contiguous())
