"""A sweep as a file or as the words of a command say it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from gexbench.cards.fields import Frozen
from gexbench.errors import PlanError, nearest
from gexbench.files import read_bounded
from gexbench.foreign_text import shown
from gexbench.plan import Isolation, Request
from gexbench.sweeps.exclude import NO_DEFENSE
from gexbench.sweeps.plans import Sweep

LARGEST = 1 << 20
MOST_SEEDS = 1000
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def _words(given: object) -> object:
    """Return one value as a list of it, a text at its commas, and every value as a text."""
    if isinstance(given, str):
        return tuple(dict.fromkeys(word.strip() for word in given.split(",") if word.strip()))
    if isinstance(given, (list, tuple)):
        return tuple(_text(value) for value in given)
    return (_text(given),)


def _values(given: object) -> object:
    """Return values of an option as texts; a text is one value, since that of a list has commas."""
    return tuple(_text(value) for value in given) if isinstance(given, (list, tuple)) else (_text(given),)


def _text(value: object) -> object:
    if isinstance(value, (list, tuple)):  # one value of an option that takes a list
        return ",".join(map(str, value))
    return str(value) if isinstance(value, (str, int, float, Path)) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_values), Field(min_length=1)]


class SweepFile(Frozen):
    """The keys of a sweep's file: lists of what is combined, and what holds of every run.

    One value may stand without its list, and a text may be a list with commas. seeds: numbers, ranges such as "0-4",
    or "all", those that the profile wants; budgets: numbers of images, percentages, or "all". options and
    defense_options: by name, values that each attack and defense with such an option meets one after the other.
    profiles: without a word the task's usual one. exclude: tables, each of which leaves out the runs that have one of
    its values in all of its keys: task, profile, victim, attack, defense, budget, seed, or an option. Paths are read
    from where the command is given.
    """

    tasks: Words
    attacks: Words
    profiles: Words = ("",)
    defenses: Words = ()
    victims: Words = ()
    budgets: Words = ()
    seeds: Words = ()
    strengths: bool = False
    options: dict[str, Texts] = {}
    defense_options: dict[str, Texts] = {}
    exclude: tuple[dict[str, Texts], ...] = ()
    dataset: str | None = None
    isolation: Isolation = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    deadline: float | None = None
    registry: Words = ()

    def sweep(self) -> Sweep:
        """Return the sweep; raises PlanError where a list names nothing, and for seeds that are none."""
        for name in ("tasks", "attacks", "profiles"):
            if not getattr(self, name):
                raise PlanError(f"{name} names none", f'for example {name} = ["…"]')
        base = Request(
            self.tasks[0],
            self.attacks[0],
            profile=self.profiles[0],
            isolation=self.isolation,
            device=self.device,
            deadline=self.deadline,
            folders=tuple(map(Path, self.registry)),
            dataset=self.dataset,
        )
        return Sweep(
            base,
            tasks=self.tasks,
            profiles=self.profiles,
            victims=self.victims,
            attacks=self.attacks,
            defenses=[None if name == NO_DEFENSE else name for name in self.defenses],
            options=self.options,
            defense_options=self.defense_options,
            budgets="all" if self.budgets == ("all",) else self.budgets,
            seeds=seeds_of(self.seeds),
            strengths=self.strengths,
            exclude=self.exclude,
        )


def seeds_of(words: tuple[str, ...]) -> list[int] | Literal["all"]:
    """Return the seeds of words such as "0-4" and "7", each once, or "all"; raises PlanError for any other."""
    if words == ("all",):
        return "all"
    found: list[int] = []
    for word in words:
        match = _RANGE.fullmatch(word)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not low <= high < low + MOST_SEEDS:
            raise PlanError(
                f"seeds {shown(word)!r} names none, or too many",
                "for example 0-4, or 0,3, or all that the profile wants",
            )
        found += range(low, high + 1)
    return list(dict.fromkeys(found))


def read_sweep(file: Path) -> Sweep:
    """Return the sweep in a TOML file; raises PlanError naming the file and what is wrong with it."""
    try:
        table = tomllib.loads(read_bounded(file, LARGEST).decode("utf-8"))
    except OSError as error:
        raise PlanError(
            f"cannot read the sweep {file}: {error.strerror}", "name a file, or give --tasks and --attacks"
        ) from None
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{file} is not valid TOML: {shown(str(error))}", "correct the file") from None
    return sweep_of(table, f"{file}: ")


def sweep_of(table: Mapping[str, Any], place: str = "") -> Sweep:
    """Return the sweep that a table of SweepFile's keys says; raises PlanError with the first thing that is wrong."""
    try:
        return SweepFile.model_validate(table).sweep()
    except ValidationError as error:
        first = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
        key = shown(".".join(str(part) for part in first["loc"]))
        extra = first["type"] == "extra_forbidden"
        hint = nearest(str(first["loc"][0]), SweepFile.model_fields) if extra else "docs/scale.md shows one"
        raise PlanError(f"{place}{key}: {'unknown key' if extra else first['msg']}", hint) from None
    except PlanError as error:
        raise PlanError(f"{place}{error}", error.hint) from None
