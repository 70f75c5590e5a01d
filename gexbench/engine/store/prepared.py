"""What defenses prepared, kept by digest: one folder each, with a passport beside the file. Never imports torch."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from gexbench.cards.fields import Frozen, OptionValue, Sha256
from gexbench.errors import AssetMissing
from gexbench.files import atomic_write, read_bounded

LARGEST = 64 << 20
"""Bytes that a defense may prepare."""
LARGEST_PASSPORT = 1 << 20


class Recipe(Frozen):
    """All that what a defense prepares hangs on. victim_weights: SHA-256 of its file. code, assets: hashes.

    dataset: over its card and pins. owner: how many of the owner's images it was given, None for all. victim, defense:
    names on cards. isolation: of the process it was made in; code that was not held back may have seen the test.
    """

    victim: str
    victim_weights: str
    victim_net: dict[str, Any]
    dataset: str
    owner: int | None
    defense: str
    version: int
    code: str
    options: dict[str, OptionValue]
    assets: dict[str, str]
    seed: int
    isolation: str

    @property
    def digest(self) -> str:
        """Return 16 hex digits that change when anything here does."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class PreparedPassport(Frozen):
    """Where a file of prepared tensors comes from; seconds: of the attempt that ended it."""

    recipe: Recipe
    sha256: Sha256
    device: str
    precision: str
    threads: int
    seconds: float = Field(ge=0)


@dataclass(frozen=True)
class Artefact:
    """A file of prepared tensors that was checked, and its passport; anew: it was made just now, not found."""

    file: Path
    passport: PreparedPassport
    anew: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Shelf:
    """The folder of what a recipe gives; `work` is the defense's while it prepares, `given` what it may read."""

    folder: Path

    @classmethod
    def of(cls, recipe: Recipe, within: Path) -> Shelf:
        """Return the shelf of a recipe in the folder of all of them."""
        names = (recipe.victim, recipe.defense, recipe.digest)
        return cls(within / "-".join(name.replace("/", ".") for name in names))

    @property
    def file(self) -> Path:
        """Return the path of the tensors."""
        return self.folder / "prepared.safetensors"

    @property
    def passport(self) -> Path:
        """Return the path of the passport."""
        return self.folder / "passport.json"

    @property
    def work(self) -> Path:
        """Return the folder for checkpoints."""
        return self.folder / "work"

    @property
    def given(self) -> Path:
        """Return the folder of the owner's images."""
        return self.folder / "given"

    def find(self, recipe: Recipe) -> Artefact | None:
        """Return what lies here, if anything does; raises AssetMissing where it is altered or of another recipe."""
        if not os.path.lexists(self.passport):
            return None
        try:
            passport = PreparedPassport.model_validate_json(read_bounded(self.passport, LARGEST_PASSPORT))
            content = read_bounded(self.file, LARGEST)
        except OSError as error:
            raise self._refused(f"cannot be read ({error.strerror})") from None
        except ValidationError:
            raise self._refused("has no passport that can be read") from None
        for name, got in passport.recipe:
            if got != (wanted := getattr(recipe, name)):
                raise self._refused(f"is of another {name.replace('_', ' ')}: {_short(got)}, not {_short(wanted)}")
        found = hashlib.sha256(content).hexdigest()
        if found != passport.sha256:
            raise self._refused(f"was altered (sha256 {found[:12]}…, its passport says {passport.sha256[:12]}…)")
        return Artefact(self.file, passport)

    def keep(self, content: bytes, passport: PreparedPassport) -> Artefact:
        """Write the tensors, then the passport that makes them count; raises OutputError."""
        atomic_write(self.file, content)
        atomic_write(self.passport, (passport.model_dump_json(indent=2) + "\n").encode())
        return Artefact(self.file, passport, anew=True)

    def _refused(self, what: str) -> AssetMissing:
        return AssetMissing(f"{self.file} {what}", f"remove {self.folder}, and it is prepared anew")


def here(within: Path) -> Mapping[str, tuple[PreparedPassport, ...]]:
    """Return the passports of what lies in the folder of all shelves, by defense; what cannot be read is left out."""
    found = dict[str, tuple[PreparedPassport, ...]]()
    for path in sorted(within.glob("*/passport.json")):
        try:
            passport = PreparedPassport.model_validate_json(read_bounded(path, LARGEST_PASSPORT))
        except (OSError, ValidationError):
            continue
        found[passport.recipe.defense] = (*found.get(passport.recipe.defense, ()), passport)
    return found


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"
