"""What a data set gives: three kinds of split that share no image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Inputs and the truth about them, read when indexed; names[i] says which file (and crop) inputs[i] came from.

    inputs: each (3,h,w), truth: each (3,H,W), float32 in [0,1]. In paired tasks truth[i] belongs to inputs[i]; in tasks
    of style a test split's truth is the set of held-back style images, a pool's is empty; in tasks of sampling a test
    split has no inputs and its truth is the set of held-back real images.
    """

    names: Sequence[str]
    inputs: Sequence[Tensor]
    truth: Sequence[Tensor]


class Named(Protocol):
    """An image of a split, by what the card calls it."""

    @property
    def name(self) -> str:
        """Return the name."""
        ...


class File(Named, Protocol):
    """An image of a split that lies in a file."""

    def read(self) -> bytes:
        """Return the file's content."""
        ...


class Dataset(Protocol):
    """Built from a card's settings and the files of its splits: `Class(settings, files)`."""

    def owner(self) -> Sequence[Tensor]:
        """Return the victim's training images, each (3,H,W) float32 in [0,1]."""
        ...

    def style(self) -> Sequence[Tensor]:
        """Return the style images the victim learns from, each (3,H,W) float32 in [0,1]; empty in paired tasks."""
        ...

    def pool(self) -> Split:
        """Return the attacker's images, if any; their truth goes to controls only."""
        ...

    def tests(self) -> dict[str, Split]:
        """Return the held-back splits by name."""
        ...
