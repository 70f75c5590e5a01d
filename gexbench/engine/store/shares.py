"""Which files of a pattern belong to a split that has a share of them: told by each name alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from gexbench.cards.schema import DatasetCard, SplitFiles
from gexbench.core.pairing import stem_of


@dataclass(frozen=True)
class Part:
    """The names whose place in [0,1) is from `first` on and below `last`; strip: see core.pairing."""

    first: float
    last: float
    seed: int
    strip: tuple[str, ...] = ()

    def holds(self, pattern: str, name: str) -> bool:
        """Say whether a file that a pattern means is one of them; the pattern itself, which means no file, always is.

        Names count from the folder in which the pattern's `*` begin, without their endings: two images of a pair that
        lie in two folders have one place.
        """
        if name == pattern and "*" in pattern:
            return True
        below = PurePosixPath(name).relative_to(PurePosixPath(pattern.split("*")[0] + "_").parent)
        return self.first <= place(stem_of(below.as_posix(), self.strip), self.seed) < self.last


@dataclass
class Shares:
    """The parts of a card's splits, asked for one after the other: each begins where the last one ended."""

    card: DatasetCard
    _taken: dict[tuple[str, ...], float] = field(default_factory=dict)

    def next(self, wanted: SplitFiles) -> Part | None:
        """Return the part of a split; None where it has no share and takes all."""
        if wanted.share is None:
            return None
        first = self._taken.get(wanted.files, 0.0)
        last = self._taken[wanted.files] = first + wanted.share
        return Part(first, 2.0 if last > 1.0 - 1e-9 else last, self.card.seed, strip_of(self.card))


def strip_of(card: DatasetCard) -> tuple[str, ...]:
    """Return what a card's reader takes off the ends of names before they pair."""
    return tuple(filter(None, str(card.settings.get("strip", "")).split(",")))


def place(name: str, seed: int) -> float:
    """Return where a name lies in [0,1): the same on every machine, whatever other names there are."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{name}".encode(errors="surrogateescape")).digest()[:6]) / 2.0**48
