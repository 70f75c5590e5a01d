"""Which image belongs to which: by name, and what was done to the names is said."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from gexbench.errors import PlanError
from gexbench.file_kinds import IMAGE_ENDINGS
from gexbench.foreign_text import escaped

_SHOWN = 3


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


def partners(names: Sequence[str], reference: Sequence[str], strip: Sequence[str] = ()) -> Partners:
    """Pair images by relative path, less the ending; `strip` are texts that are taken off the ends of file names.

    Unicode forms, backslashes and a leading slash make no difference. Names as they are come first; then paths count
    from the deepest folder that holds all of a side's images. Raises PlanError with what has no partner, and with the
    ends of names that would explain all of it, or naming two images of one name.
    """
    mine, theirs = _placed("images", names, strip), _placed("reference", reference, strip)
    ways = [(a, b) for a in (mine, mine.less_top()) for b in (theirs, theirs.less_top())]
    for a, b in ways:
        if a.places.keys() == b.places.keys():
            return Partners(tuple(b.places[name] for name in a.places), _notes(a, b))
    best = max(ways, key=lambda way: len(way[0].places.keys() & way[1].places.keys()))
    raise PlanError(_refusal(*best), _way_out(mine, theirs))


def _placed(side: str, names: Sequence[str], strip: Sequence[str]) -> _Names:
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        stem = _stem(name, strip)
        if stem in places:
            pair = f"{escaped(names[places[stem]])!r} and {escaped(name)!r}"
            what = "the ending alone" if not strip else "no more than the ending and what --strip takes off"
            raise PlanError(f"{pair} differ in {what}", "rename one")
        places[stem] = index
    return _Names(side, places)


def _stem(name: str, strip: Sequence[str]) -> str:
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


def _refusal(mine: _Names, theirs: _Names) -> str:
    alone, lonely = sorted(mine.places.keys() - theirs.places), sorted(theirs.places.keys() - mine.places)
    told = [f"the reference lacks {_some(alone)}"] * bool(alone) + [f"the images lack {_some(lonely)}"] * bool(lonely)
    pairs = len(mine.places) - len(alone)
    counts = f"{pairs} of {len(mine.places)} images and {len(theirs.places)} references pair"
    return f"paired metrics need an image of every name on both sides; {'; '.join(told)}; {counts}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(repr(escaped(name)) for name in names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _way_out(mine: _Names, theirs: _Names) -> str:
    for a, b in ((a, b) for a in (mine, mine.less_top()) for b in (theirs, theirs.less_top())):
        for ends, where in ((_tails(a, b), "end"), (_heads(a, b), "begin")):
            if any(ends) and _without(a, ends[0], where) == _without(b, ends[1], where):
                told = [
                    f"all of the {each.side} {where} in {end!r}" for each, end in zip((a, b), ends, strict=True) if end
                ]
                return f"{' and '.join(told)}: --strip={','.join(end for end in ends if end)} pairs them"
    if {name.casefold() for name in mine.places} == {name.casefold() for name in theirs.places}:
        return "names differ in upper and lower case alone; rename one side"
    return "give folders whose files are named alike, or metrics of sets: fid, kid, precision …"


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
