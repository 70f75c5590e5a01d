"""From the names of somebody's images to the patterns of a data-set card."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gexbench.core.pairing import PAIRS, partners
from gexbench.errors import DataMissing, PlanError
from gexbench.foreign_text import escaped

SIDES: dict[str, tuple[str, ...]] = {"one": (), "paired": ("input", "target"), "unpaired": ("photo", "style")}
"""The layouts, and the folders that each has by default."""


@dataclass(frozen=True)
class Source:
    """Where images lie: folder, from which patterns count, the path below it that all share, and the names below."""

    folder: Path
    top: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, place: Path, names: Sequence[str]) -> Source:
        """Return the source of a folder or a zip from the names of its images, less what is around their folders.

        Raises DataMissing for a zip that is not called so.
        """
        place = Path(os.path.expanduser(place)).absolute()
        if place.is_file() and place.suffix != ".zip":
            raise DataMissing(f"{escaped(str(place))} is a zip of another name", "let its name end in .zip")
        folders = {os.path.dirname(name) for name in names}
        around = os.path.commonpath(folders) if len(folders) > 1 else os.path.dirname(min(folders))
        below = tuple(name[len(around) + 1 if around else 0 :] for name in names)
        parts = [place.stem, *filter(None, [around])] if place.is_file() else [*filter(None, [around])]
        return cls(place.parent if place.is_file() else place, "/".join(parts), below)


@dataclass(frozen=True)
class Arranged:
    """The sides of a layout: the folder of each as patterns name it, and the patterns."""

    tops: tuple[str, ...]
    patterns: tuple[tuple[str, ...], ...]


def arrange(source: Source, sides: Sequence[str], paired: bool, strip: Sequence[str]) -> Arranged:
    """Find the sides of a layout among images. sides: their folders; none where all images are of one kind.

    Raises DataMissing for a side that has no images, and where pairs are wanted for names without partners.
    """
    listed = [_below(source, side) for side in sides] if sides else [list(source.names)]
    if paired:
        try:
            partners(listed[0], listed[1], strip, PAIRS._replace(strip="--strip={}"))
        except PlanError as error:
            raise DataMissing(str(error), error.hint) from None
    tops = tuple(_joined(source.top, side) for side in (sides or ("",)))
    return Arranged(tops, tuple(_patterns(top, names) for top, names in zip(tops, listed, strict=True)))


def _below(source: Source, side: str) -> list[str]:
    found = [name.removeprefix(f"{side}/") for name in source.names if name.startswith(f"{side}/")]
    if not found:
        there = sorted({name.partition("/")[0] for name in source.names if "/" in name})
        held = f"it holds {', '.join(f'{escaped(each)}/' for each in there[:5])}" if there else "it holds no folders"
        place = escaped(str(source.folder / source.top))
        raise DataMissing(f"no images in {escaped(side)}/ of {place}: {held}", "name the two folders: --sides=A,B")
    return found


def _patterns(top: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return a pattern for each ending at each depth, sorted."""
    shapes = {(name.count("/"), PurePosixPath(name).suffix) for name in names}
    return tuple(_joined(top, "*/" * depth + f"*{ending}") for depth, ending in sorted(shapes))


def _joined(top: str, name: str) -> str:
    return f"{top}/{name}" if top and name else top or name
