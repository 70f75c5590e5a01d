"""The key of a study: which item is of which arm, what was settled before anybody answered, and who may answer."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from gexbench.cards.fields import Frozen, Line
from gexbench.errors import GexbenchError
from gexbench.files import read_bounded
from gexbench.foreign_text import shown

NAME, PAGES = "key.json", "pages"
LARGEST = 64 << 20
SCORES = range(1, 6)
Role = Literal["rated", "repeat", "untranslated", "true-style", "instructed"]
Arm = Literal["a", "b"]


class StudyError(GexbenchError):
    """A study that cannot be made, or answers that are not of it."""


class Side(Frozen):
    """Whose pictures an arm shows: a run, the model in it, and what says that they are these pictures."""

    run: Line
    model: Literal["surrogate", "victim"]
    evidence_sha256: str


class Item(Frozen):
    """One question of a page.

    source: the name of the image it starts from, "" for an instruction. arm: of rated items and repeats. repeats: the
    id of the item that is asked a second time. wanted: the score that an instruction asks for.
    """

    id: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    role: Role
    source: Line = ""
    arm: Arm | None = None
    repeats: str | None = None
    wanted: Annotated[int, Field(ge=1, le=5)] | None = None


class Group(Frozen):
    """A page, what it asks, and the codes of those who may answer it."""

    page: Annotated[str, Field(pattern="^page-[12][.]html$")]
    items: tuple[Item, ...]
    raters: tuple[Annotated[str, Field(pattern="^[a-z0-9]{6}$")], ...]


class Rules(Frozen):
    """What is settled beforehand.

    margin: points of the scale within which arms count as equivalent. apart: points by which a repeat may not differ.
    least_median: milliseconds that the median answer takes at least.
    """

    margin: float = Field(gt=0, lt=4, allow_inf_nan=False)
    question: Line
    apart: int = 3
    least_median: int = 1000


def rules_of(margin: float, question: str) -> Rules:
    """Return rules as a user gives them; raises StudyError."""
    try:
        return Rules(margin=margin, question=question)
    except ValidationError as error:
        first = error.errors()[0]
        name = shown(".".join(map(str, first["loc"])))
        raise StudyError(f"--{name} {shown(str(first['input']))!r}: {shown(first['msg'])}", "see --help") from None


class Key(Frozen):
    """All that the analysis needs beside the answers; `seed` is long and secret where none was given."""

    format: Literal[1] = 1
    task: Line
    profile: Line
    seed: str
    sides: tuple[Side, Side]
    rules: Rules
    groups: tuple[Group, Group]

    @model_validator(mode="after")
    def _is_a_latin_square(self) -> Key:
        """Refuse pages that do not show the same images, each in the other arm, as many in either."""
        first, second = ({i.source: i.arm for i in group.items if i.role == "rated"} for group in self.groups)
        if first.keys() != second.keys() or any(first[name] == second[name] for name in first):
            raise ValueError("the pages must show the same images, each in the other arm")
        if len(first) < 4 or 2 * list(first.values()).count("a") != len(first):
            raise ValueError("a page must show as many images of either arm, two or more")
        return self

    @model_validator(mode="after")
    def _names_each_once(self) -> Key:
        """Refuse two items or raters of one name, and a repeat of what the page does not ask."""
        for group in self.groups:
            ids = [item.id for item in group.items]
            if len({*ids}) < len(ids) or not {i.repeats for i in group.items if i.repeats} <= {*ids}:
                raise ValueError(f"{group.page} names an item twice, or repeats one that it does not ask")
        raters = [rater for group in self.groups for rater in group.raters]
        if len({*raters}) < len(raters):
            raise ValueError("a rater is named twice")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the names of the images that are rated, in one order for both pages."""
        return tuple(sorted(item.source for item in self.groups[0].items if item.role == "rated"))


def study_id(content: bytes) -> str:
    """Return what pages and answers call a study: a digest of its key, so that neither outlives a changed key."""
    return hashlib.sha256(content).hexdigest()[:32]


def read_key(folder: Path) -> tuple[Key, str]:
    """Return the key of a study's folder, and the study's id; raises StudyError."""
    path = folder / NAME
    try:
        content = read_bounded(path, LARGEST)
        return Key.model_validate_json(content), study_id(content)
    except OSError as error:
        raise StudyError(
            f"cannot read the key {path}: {error.strerror}", "give the folder that `gexbench study make` wrote"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = shown(".".join(map(str, first["loc"]))) or "file"
        raise StudyError(
            f"{path} is no key of a study: {place}: {shown(first['msg'])}", "make the study anew"
        ) from None
