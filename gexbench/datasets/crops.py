"""Squares cut from a few photos, for services that take one size of image and whose answers nobody else knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gexbench.core.dataset import File, Split
from gexbench.core.images import from_uint8
from gexbench.core.lazy import Lazy
from gexbench.datasets.photos import Album, Sizes, cut
from gexbench.datasets.settings import numbers


@dataclass(frozen=True)
class Cuts:
    """What the card sets. side: of the squares, in pixels. pool_count: squares of the pool; test_count: of each test.

    They are dealt over a split's photos in turn; seed: of their places; min_std: see `photos.Sizes`.
    """

    side: int = 128
    pool_count: int = 512
    test_count: int = 128
    seed: int = 0
    min_std: float = 0.03

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Cuts:
        """Read a card's settings; raises CardError for an unknown key or a number out of range."""
        return numbers(cls, settings, "PhotoCrops", {"side": 8, "pool_count": 1, "test_count": 1})


class PhotoCrops:
    """Cut squares when they are asked for; `PhotoCrops(settings, files)`, settings as in `Cuts`.

    files: photos by split, "pool", "test/<name>". Squares are named `file#index` and are the same on every machine.
    Raises CardError for settings it does not know; indexing raises DataMissing for a file that is no image or is
    smaller than a square.
    """

    def __init__(self, settings: Mapping[str, Any], files: Mapping[str, Sequence[File]]) -> None:
        self._cuts, self._files = Cuts.of(settings), files

    def owner(self) -> Sequence[Tensor]:
        """Return nothing: what the service learned from is not known."""
        return ()

    def style(self) -> Sequence[Tensor]:
        """Return nothing: the style is the service's."""
        return ()

    def pool(self) -> Split:
        """Return the attacker's squares; nobody knows a truth about them."""
        return self._squares("pool", self._cuts.pool_count)

    def tests(self) -> dict[str, Split]:
        """Return the test squares by name of the split, without a truth."""
        names = (key for key in self._files if key.startswith("test/"))
        return {name.removeprefix("test/"): self._squares(name, self._cuts.test_count) for name in names}

    def _squares(self, split: str, count: int) -> Split:
        photos, cuts = self._files[split], self._cuts
        album = Album(photos, 1)
        sizes = Sizes(scale=1, pool_crop=cuts.side, pool_count=count, seed=cuts.seed, min_std=cuts.min_std)
        names = [f"{photos[i % len(photos)].name}#{i}" for i in range(count)]
        return Split(names, Lazy(count, lambda index: from_uint8(cut(album, index, sizes))), ())
