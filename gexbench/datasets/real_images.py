"""Sets of real images for tasks whose service draws images itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor

from gexbench.core.dataset import Named, Split


class RealImages(ABC):
    """What the readers of such sets have in common; readers say how the images of a split come about.

    files: images by split, "owner", "test/<name>", and "pool" where attackers own some. A test split has no inputs; its
    truth is its images.
    """

    def __init__(self, files: Mapping[str, Sequence[Named]]) -> None:
        self._files = files

    @abstractmethod
    def _images(self, split: str) -> Sequence[Tensor]:
        """Return the images of a split, each (3,side,side) float32 in [0,1]; none where there is no such split."""

    def owner(self) -> Sequence[Tensor]:
        """Return the images the victim learned from, each (3,side,side) float32 in [0,1]."""
        return self._images("owner")

    def style(self) -> Sequence[Tensor]:
        """Return nothing: there is no style."""
        return ()

    def pool(self) -> Split:
        """Return the attacker's images."""
        return Split(self._names("pool"), self._images("pool"), ())

    def tests(self) -> dict[str, Split]:
        """Return held-back real images by name, as truth."""
        keys = [key for key in self._files if key.startswith("test/")]
        return {key.removeprefix("test/"): Split((), (), self._images(key)) for key in keys}

    def _names(self, split: str) -> list[str]:
        return [image.name for image in self._files.get(split, ())]
