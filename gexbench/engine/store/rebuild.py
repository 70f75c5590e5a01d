"""A data set laid out anew from downloads: its files are known by their content, whatever they are called there."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gexbench.cards.schema import DatasetCard
from gexbench.engine.store.downloads import contents
from gexbench.engine.store.file_lists import read_pins
from gexbench.errors import CardError, DataMissing
from gexbench.files import writing

_LINE = re.compile(r"^([^*:\s][^*:]*\*[^*:]*): (.+)$")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Layout:
    """The files of a data set. names: as its card lists them. hashes: of their content, where each is listed.

    Where only a digest of all is known, a file is told by the end of its path, from below the folder of all of them.
    """

    names: tuple[str, ...]
    hashes: Mapping[str, str]

    @property
    def by_hash(self) -> dict[str, list[str]]:
        """Return the names by the hash of their content; a copy has several."""
        found: dict[str, list[str]] = {}
        for name, sha256 in self.hashes.items():
            found.setdefault(sha256, []).append(name)
        return found

    @property
    def by_end(self) -> dict[str, str]:
        """Return by the end of its path each name whose hash is not known."""
        names = [name for name in self.names if name not in self.hashes]
        top = os.path.commonpath([os.path.dirname(name) for name in names]) if names else ""
        return {name.removeprefix(f"{top}/"): name for name in names}


def layout_of(card: DatasetCard, pins: Path) -> Layout:
    """Return the files of a data set, from the list of hashes beside its card or the list of names, `.names`.

    Raises DataMissing where there is neither: of such a set nobody here had the files.
    """
    if card.pinned:
        hashes = read_pins(pins)
        return Layout(tuple(hashes), hashes)
    listed = pins.with_suffix(".names")
    if listed.is_file():
        return Layout(read_names(listed), {})
    if all(split.within == "code" for split in card.splits.named().values()):
        raise DataMissing(f"data set {card.name} is drawn by code, and needs no files", f"gexbench show {card.name}")
    raise DataMissing(
        f"data set {card.name}: no list of its files was made",
        f"gexbench show {card.name} says whose it is; lay it out as `files` on its card say",
    )


def read_names(path: Path) -> tuple[str, ...]:
    """Read a list of names, a pattern a line and what stands for its `*`: `train/cat/*.jpg: 0001 0004`.

    Raises CardError for a line of another form, naming it.
    """
    names: list[str] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        found = _LINE.match(line)
        if not found or found[1].startswith("/") or ".." in found[1].split("/"):
            raise CardError(f'{path}, line {number}: {line[:80]!r} is not "pattern: words"', "such as a/*.jpg: 01 02")
        names += [found[1].replace("*", word) for word in found[2].split()]
    return tuple(names)


def rebuild(layout: Layout, places: Iterable[Path], target: Path, progress: Progress) -> int:
    """Write the files of a layout that are found in places, below `target`; returns how many are there now.

    A file that is there already and differs is replaced where its hash is known. Raises DataMissing for a place that
    cannot be read, OutputError where `target` cannot be written.
    """
    by_hash, by_end = layout.by_hash, layout.by_end
    depths = {end.count("/") for end in by_end}
    here: set[str] = set()
    for place in places:
        for path, content in contents(place):
            names = by_hash.get(hashlib.sha256(content).hexdigest(), []) if by_hash else []
            parts = path.split("/")
            ends = ("/".join(parts[-1 - depth :]) for depth in depths)
            for name in [*names, *(by_end[end] for end in ends if end in by_end)]:
                if name not in here:
                    lay(target / name, content)
                    here.add(name)
                    progress("laying out", len(here), len(layout.names))
    return len(here)


def lay(path: Path, content: bytes) -> None:
    """Write a file unless it is there and the same; raises OutputError.

    It is not flushed to the disk one by one, since there are thousands: what a crash damages differs, and is replaced.
    """
    with writing(path):
        if not (path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
