"""What the two sets of a comparison really were, and what of it a reader of the numbers should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from gexbench.comparison import Side
from gexbench.core.attack import Progress
from gexbench.core.decoding import Facts
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import ImageSet
from gexbench.errors import PlanError
from gexbench.foreign_text import escaped

_SHOWN = 3
_KINDS: dict[str, Callable[[Facts], str]] = {
    "container": lambda facts: facts.container,
    "colours": lambda facts: facts.colours,
    "depth": lambda facts: f"{facts.depth}-bit",
    "size": lambda facts: f"{facts.width}x{facts.height}",
    "alpha": lambda facts: "transparent" if facts.transparent else "opaque",
    "orientation": lambda facts: "turned" if facts.turned else "as it is",
    "profile": lambda facts: facts.profile or "none",
    "further pictures": lambda facts: str(facts.further),
}


def refuse_nested(images: ImageSet, reference: ImageSet) -> None:
    """Raise PlanError where one side's folder is a part of the other: its images would be held against themselves."""
    for inner, outer, told in (
        (images, reference, "the images lie inside the reference"),
        (reference, images, "the reference lies inside the images"),
    ):
        top = inner.found.top
        if top and top != outer.found.top and top in outer.found.folders:
            raise PlanError(
                f"{told}, whose files they would be, too: {escaped(top)}", "move one of the folders out of the other"
            )


class Census:
    """Both sides of a comparison, after its metrics have read them."""

    def __init__(self, images: ImageSet, reference: ImageSet, collector: Collector, progress: Progress) -> None:
        self.sets = {"images": images, "reference": reference}
        self._seen = {name: collector.seen(each, progress) for name, each in self.sets.items()}
        hashes = {name: collector.hashes(each, progress) for name, each in self.sets.items()}
        # Pixels tell more than bytes, but both sides must be known by the same.
        seen = all(each is not None for side in self._seen.values() for each in side)
        self._contents = {
            name: [each.pixels for each in side if each is not None] if seen else hashes[name]
            for name, side in self._seen.items()
        }

    @property
    def sides(self) -> dict[str, Side]:
        """Return what each side was found to be."""
        return {name: self._side(name, other) for name, other in (("images", "reference"), ("reference", "images"))}

    def identical(self, order: Sequence[int]) -> set[int]:
        """Return the numbers of images that are the same picture as their partner."""
        mine, theirs = self._contents["images"], self._contents["reference"]
        return {index for index, place in enumerate(order) if mine[index] == theirs[place]}

    def notes(self) -> tuple[str, ...]:
        """Return what should be known, a sentence each."""
        sides = self.sides
        told = [f"{name}: {line}" for name, side in sides.items() for line in self._of_one(name, side)]
        return (*told, *_of_both(sides))

    def _side(self, name: str, other: str) -> Side:
        images, mine, theirs = self.sets[name], self._contents[name], set(self._contents[other])
        facts = [each.facts for each in self._seen[name] if each is not None]
        return Side(
            taken=len(images.names),
            distinct=len(set(mine)),
            shared=sum(each in theirs for each in mine),
            left_out=dict(images.found.left_out),
            links=tuple(escaped(link) for link in images.found.links),
            kinds={kind: dict(Counter(map(word, facts)).most_common()) for kind, word in _KINDS.items()}
            if facts
            else {},
        )

    def _of_one(self, name: str, side: Side) -> Iterator[str]:
        found = self.sets[name].found
        if side.left_out:
            yield f"{sum(side.left_out.values())} files left out by their ending: {_some(side.left_out)}"
        if found.links:
            yield f"{_files(len(found.links), 'link', 'links')} to folders followed: {_listed(found.links)}"
        if found.again:
            yield f"{_files(len(found.again), 'link', 'links')} to folders that are read anyway: {_listed(found.again)}"
        if side.distinct < side.taken:
            yield f"{side.taken} images, of which {side.distinct} are distinct: the others are copies, and count"
        kinds = side.kinds
        for kind, usual, words in _ODD:
            odd = {word: count for word, count in kinds.get(kind, {}).items() if not usual(word)}
            if odd:
                yield words.format(n=sum(odd.values()), of=side.taken, which=_some(odd))


def _standard(profile: str) -> bool:
    return profile == "none" or ("srgb" in profile.casefold() and "linear" not in profile.casefold())


_ODD: tuple[tuple[str, Callable[[str], bool], str], ...] = (
    (
        "depth",
        lambda word: word in ("1-bit", "2-bit", "4-bit", "8-bit"),
        "{n} of {of} files are deeper than 8 bits ({which}): the full range becomes 0 to 255, rounded",
    ),
    ("alpha", lambda word: word == "opaque", "{n} of {of} images have transparent pixels, which are laid on white"),
    ("orientation", lambda word: word == "as it is", "{n} of {of} images are turned by their EXIF orientation"),
    ("profile", _standard, "{n} of {of} files have a colour profile that is not applied: {which}"),
    (
        "further pictures",
        lambda word: word == "0",
        "{n} of {of} files hold further pictures or frames, of which the first is taken",
    ),
    ("colours", lambda word: word in ("RGB", "grey", "palette"), "{n} of {of} files are converted to RGB from {which}"),
)


def _of_both(sides: Mapping[str, Side]) -> Iterator[str]:
    images, reference = sides["images"], sides["reference"]
    if images.shared:
        yield (
            f"{images.shared} of {images.taken} images are also in the reference, "
            f"{reference.shared} of {reference.taken} references also in the images"
        )
    for fact, words in (
        ("size", "sizes"),
        ("container", "containers"),
        ("colours", "colours"),
        ("profile", "profiles"),
    ):
        mine, theirs = images.kinds.get(fact, {}), reference.kinds.get(fact, {})
        told = [{name for name in each if fact != "profile" or not _standard(name)} for each in (mine, theirs)]
        if mine and theirs and told[0] != told[1]:
            yield f"the sides differ in {words}: images {_some(mine)}; reference {_some(theirs)}"


def _some(counts: Mapping[str, int]) -> str:
    more = len(counts) - _SHOWN
    told = ", ".join(f"{count} {word}" for word, count in list(counts.items())[:_SHOWN])
    return told + (f" and {more} other kinds" if more > 0 else "")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(map(escaped, names[:_SHOWN])) + (f" and {more} more" if more > 0 else "")


def _files(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
