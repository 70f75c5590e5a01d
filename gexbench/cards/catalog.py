"""All cards of all roots, by kind and name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from gexbench.cards import schema
from gexbench.cards.roots import CardRoot, all_roots
from gexbench.errors import CardError, nearest
from gexbench.foreign_text import shown

C = TypeVar("C", bound=schema.Card)

FOLDERS: dict[type[schema.Card], str] = {
    schema.TaskCard: "tasks",
    schema.VictimCard: "victims",
    schema.AttackCard: "attacks",
    schema.DefenseCard: "defenses",
    schema.MetricCard: "metrics",
    schema.ExtractorCard: "extractors",
    schema.DatasetCard: "datasets",
    schema.AssetCard: "assets",
    schema.ProfileCard: "profiles",
    schema.BoardCard: "boards",
}
SUBMITTED: dict[type[schema.Card], str] = {schema.AttackCard: "attack", schema.DefenseCard: "defense"}


@dataclass(frozen=True)
class Filed(Generic[C]):
    """A card and where it lies."""

    card: C
    root: CardRoot
    path: Path

    @property
    def pins(self) -> Path:
        """Return the list of file hashes beside a data-set card."""
        return self.path.with_suffix(".sha256")


@dataclass(frozen=True)
class Catalog:
    """Cards of the given roots, read and checked kind by kind when first asked for."""

    roots: tuple[CardRoot, ...]
    _read: dict[type[schema.Card], dict[str, Filed[schema.Card]]] = field(default_factory=dict, compare=False)

    @classmethod
    def load(cls, folders: Iterable[Path] = ()) -> Catalog:
        """Return the catalog of the packaged registry, installed plug-ins and the given folders."""
        return cls(tuple(all_roots(folders)))

    def filed(self, kind: type[C], name: str) -> Filed[C]:
        """Return one card with its place; raises CardError with the nearest names when it is not there."""
        known = self.all(kind)
        if name not in known:
            raise CardError(f"no {SINGULAR[kind]} named {name!r}", nearest(name, known))
        return known[name]

    def get(self, kind: type[C], name: str) -> C:
        """Return one card; raises CardError with the nearest names when it is not there."""
        return self.filed(kind, name).card

    def all(self, kind: type[C]) -> dict[str, Filed[C]]:
        """Return all cards of a kind by name; raises CardError for a broken card or a name given twice."""
        if kind not in self._read:
            found: dict[str, Filed[schema.Card]] = {}
            for root in self.roots:
                for filed in _cards(root, kind):
                    _enter(found, filed)
            self._read[kind] = dict(sorted(found.items()))
        return self._read[kind]  # type: ignore[return-value]


SINGULAR: dict[type[schema.Card], str] = {kind: folder.rstrip("s") for kind, folder in FOLDERS.items()} | {
    schema.DefenseCard: "defense",
}


def _cards(root: CardRoot, kind: type[C]) -> Iterator[Filed[C]]:
    if root.is_submission:
        path, key = root.path / "card.toml", SUBMITTED.get(kind)
        table = read_toml(path)
        if not set(table) or set(table) - set(SUBMITTED.values()):
            raise CardError(f"{path}: a submission holds [attack] or [defense], not {sorted(table)}", "see docs")
        if key in table:
            yield Filed(check(kind, table[key], path), root, path)
        return
    for path in sorted((root.path / FOLDERS[kind]).glob("*.toml")):
        card = check(kind, read_toml(path), path)
        if path.stem != card.name.split("/")[-1]:
            raise CardError(f"{path} holds the card {card.name!r}", f"name the file {card.name.split('/')[-1]}.toml")
        yield Filed(card, root, path)


def _enter(found: dict[str, Filed[schema.Card]], filed: Filed[C]) -> None:
    name = filed.card.name
    if filed.root.outside != ("/" in name):
        wanted = "a namespace, such as yourname/" + name.split("/")[-1] if filed.root.outside else "no namespace"
        raise CardError(f"{filed.path}: the name {name!r} needs {wanted}", "change `name` on the card")
    trusted = getattr(filed.card, "reader", None) or (
        filed.card.entry if isinstance(filed.card, (schema.MetricCard, schema.ExtractorCard)) else ""
    )
    if filed.root.outside and trusted and not trusted.startswith("gexbench."):
        raise CardError(
            f"{filed.path}: {trusted!r} would run beside the test data",
            "metrics, extractors and readers are gexbench's own",
        )
    if name in found:
        raise CardError(f"{name!r} is declared twice: {found[name].path} and {filed.path}", "rename one of them")
    found[name] = filed  # type: ignore[assignment]


def read_toml(path: Path) -> dict[str, object]:
    """Parse a TOML file; raises CardError naming file and line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CardError(
            f"cannot read the card {path}: {error.strerror}", "check the path and its permissions"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"{path} is not valid TOML: {error}", "correct the file") from None


def check(kind: type[C], table: object, path: Path) -> C:
    """Build a card from a parsed table; raises CardError with the first thing that is wrong and where."""
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = shown(".".join(str(part) for part in first["loc"])) or "card"
        known = kind.model_fields
        hint = nearest(str(first["loc"][-1]), known) if first["type"] == "extra_forbidden" else f"see {kind.__name__}"
        given = "" if first["type"] in ("missing", "extra_forbidden") else f" (got {shown(str(first['input']), 60)!r})"
        raise CardError(f"{path}: {place}: {first['msg']}{given}", hint) from None
