"""Which image belongs to which: by name, and what was done to the names is said."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from gexbench.errors import PlanError
from gexbench.file_kinds import IMAGE_ENDINGS
from gexbench.foreign_text import escaped

_SHOWN = 3


class Sides(NamedTuple):
    """What is paired and why, in words. strip: how a user says which ends of names are taken off, `{}` for the ends."""

    images: str = "images"
    reference: str = "reference"
    why: str = "paired metrics need an image of every name on both sides"
    strip: str = "--strip={}"
    way_out: str = "give folders whose files are named alike, or metrics of sets: fid, kid, precision …"


SCORED = Sides()
PAIRS = Sides(
    "inputs",
    "targets",
    "every input needs a target of its name",
    'strip = "{}" in the settings of the card',
    "name the two files of a pair alike, save the ending",
)


@dataclass(frozen=True)
class Partners:
    """order: for each image the place of its partner in the reference. notes: what was done to names to find it."""

    order: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Names:
    """One side: the place of each name, and the folder that was taken off all of them."""

    side: str
    places: dict[str, int]
    top: str = ""

    def less_top(self) -> _Names:
        """Return the names counted from the deepest folder that holds all of them."""
        top = os.path.commonpath([os.path.dirname(name) for name in self.places])
        cut = len(top) + 1 if top else 0
        return _Names(self.side, {name[cut:]: place for name, place in self.places.items()}, top)


def partners(
    names: Sequence[str], reference: Sequence[str], strip: Sequence[str] = (), sides: Sides = SCORED
) -> Partners:
    """Pair images by relative path, less the ending; `strip` are texts that are taken off the ends of file names.

    Unicode forms, backslashes and a leading slash make no difference. Names as they are come first; then paths count
    from the deepest folder that holds all of a side's images. Raises PlanError with what has no partner, and with the
    ends of names that would explain all of it, or naming two images of one name. sides: what errors call them.
    """
    mine, theirs = _placed(sides.images, names, strip), _placed(sides.reference, reference, strip)
    ways = [(a, b) for a in (mine, mine.less_top()) for b in (theirs, theirs.less_top())]
    for a, b in ways:
        if a.places.keys() == b.places.keys():
            return Partners(tuple(b.places[name] for name in a.places), _notes(a, b))
    best = max(ways, key=lambda way: len(way[0].places.keys() & way[1].places.keys()))
    raise PlanError(_refusal(*best, sides.why), _way_out(mine, theirs, sides))


def _placed(side: str, names: Sequence[str], strip: Sequence[str]) -> _Names:
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        stem = stem_of(name, strip)
        if stem in places:
            pair = f"{escaped(names[places[stem]])!r} and {escaped(name)!r}"
            what = "the ending alone" if not strip else "no more than the ending and what is stripped"
            raise PlanError(f"{pair} differ in {what}", "rename one")
        places[stem] = index
    return _Names(side, places)


def stem_of(name: str, strip: Sequence[str] = ()) -> str:
    """Return what a path pairs by: without its ending and the texts of `strip`, in one Unicode form."""
    path = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/").lstrip("/"))
    last = path.stem if path.suffix.lower() in IMAGE_ENDINGS else path.name
    for text in (unicodedata.normalize("NFC", each) for each in strip if each):
        last = last.removesuffix(text) or last
        last = last.removeprefix(text) or last
    return str(path.with_name(last))


def _notes(mine: _Names, theirs: _Names) -> tuple[str, ...]:
    if not mine.top and not theirs.top:
        return ()
    told = [f"'{escaped(each.top)}/' in the names of the {each.side}" for each in (mine, theirs) if each.top]
    return (f"pairs by name, without {' and '.join(told)}",)


def _refusal(mine: _Names, theirs: _Names, why: str) -> str:
    alone, lonely = sorted(mine.places.keys() - theirs.places), sorted(theirs.places.keys() - mine.places)
    told = [f"the {theirs.side} lack{_s(theirs)} {_some(alone)}"] * bool(alone)
    told += [f"the {mine.side} lack{_s(mine)} {_some(lonely)}"] * bool(lonely)
    pairs = len(mine.places) - len(alone)
    named = (each.side if each.side.endswith("s") else f"{each.side}s" for each in (mine, theirs))
    counts = f"{pairs} of {len(mine.places)} {next(named)} and {len(theirs.places)} {next(named)} pair"
    return f"{why}; {'; '.join(told)}; {counts}"


def _s(names: _Names) -> str:
    return "" if names.side.endswith("s") else "s"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(repr(escaped(name)) for name in names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _way_out(mine: _Names, theirs: _Names, sides: Sides) -> str:
    for a, b in ((a, b) for a in (mine, mine.less_top()) for b in (theirs, theirs.less_top())):
        for ends, where in ((_tails(a, b), "end"), (_heads(a, b), "begin")):
            if any(ends) and _without(a, ends[0], where) == _without(b, ends[1], where):
                told = [
                    f"all of the {each.side} {where} in {end!r}" for each, end in zip((a, b), ends, strict=True) if end
                ]
                return f"{' and '.join(told)}: {sides.strip.format(','.join(end for end in ends if end))} pairs them"
    if {name.casefold() for name in mine.places} == {name.casefold() for name in theirs.places}:
        return "names differ in upper and lower case alone; rename one side"
    return sides.way_out


def _tails(a: _Names, b: _Names) -> tuple[str, str]:
    first, second = (_shared([name[::-1] for name in each.places])[::-1] for each in (a, b))
    # Of names that end in '0x4' and '0' the 0 is their own.
    own = _word(_shared([first, second]))
    return first[own:].rpartition("/")[2], second[own:].rpartition("/")[2]


def _heads(a: _Names, b: _Names) -> tuple[str, str]:
    first, second = (_shared([name.rpartition("/")[2] for name in each.places]) for each in (a, b))
    own = _word(_shared([first[::-1], second[::-1]]))
    return first[: len(first) - own], second[: len(second) - own]


def _word(text: str) -> int:
    """Return how many letters and digits a text begins with."""
    return next((k for k, c in enumerate(text) if not c.isalnum()), len(text))


def _shared(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    first, last = min(texts), max(texts)
    return first[: next((k for k, (x, y) in enumerate(zip(first, last, strict=False)) if x != y), len(first))]


def _without(names: _Names, end: str, where: str) -> set[str]:
    if where == "end":
        return {name.removesuffix(end) for name in names.places}
    return {
        f"{folder}{slash}{last.removeprefix(end)}"
        for folder, slash, last in (name.rpartition("/") for name in names.places)
    }
