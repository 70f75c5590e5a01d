"""All cards of all roots, by kind and name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from gexbench.cards import board, innocents, prices, schema
from gexbench.cards.options import check_defaults, check_sweep
from gexbench.cards.roots import CardRoot, all_roots, skipped
from gexbench.errors import CardError, PlanError, nearest
from gexbench.files import read_bounded
from gexbench.foreign_text import shown

C = TypeVar("C", bound=schema.Card)

LARGEST_FILE = 1 << 20
"""Bytes of a card; the registry's have some two thousand."""
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
    board.BoardCard: "boards",
    innocents.InnocentsCard: "innocents",
    prices.PriceCard: "prices",
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
    """Cards of the given roots, read and checked kind by kind when first asked for.

    strict: a broken card of a root from outside is an error. Else it is skipped, with a line on stderr, until it is
    asked for by name: what one package gets wrong is no affair of the others. trusted: whether data sets from outside
    may bring a reader of their own.
    """

    roots: tuple[CardRoot, ...]
    strict: bool = True
    trusted: bool = False
    _broken: dict[type[schema.Card], dict[str, CardError]] = field(default_factory=dict, compare=False)
    _read: dict[type[schema.Card], dict[str, Filed[schema.Card]]] = field(default_factory=dict, compare=False)

    @classmethod
    def load(cls, folders: Iterable[Path] = (), trusted: bool = False) -> Catalog:
        """Return the catalog of the packaged registry, installed plug-ins and the given folders."""
        return cls(tuple(all_roots(folders)), strict=False, trusted=trusted)

    def filed(self, kind: type[C], name: str) -> Filed[C]:
        """Return one card with its place; raises CardError for a broken one, and with the nearest names for none."""
        known, broken = self.all(kind), self._broken.get(kind, {})
        if name not in known:
            for key in (name, name.rpartition("/")[2]):
                if key in broken:
                    raise CardError(str(broken[key]), broken[key].hint)
            raise CardError(f"no {SINGULAR[kind]} named {name!r}", nearest(name, known))
        return known[name]

    def get(self, kind: type[C], name: str) -> C:
        """Return one card; raises CardError with the nearest names when it is not there."""
        return self.filed(kind, name).card

    def all(self, kind: type[C]) -> dict[str, Filed[C]]:
        """Return all cards of a kind by name; raises CardError for a broken one or a name given twice, see `strict`."""
        if kind not in self._read:
            found: dict[str, Filed[schema.Card]] = {}
            for root in self.roots:
                for path in _files(root, kind):
                    self._take(found, root, kind, path)
            self._read[kind] = dict(sorted(found.items()))
        return self._read[kind]  # type: ignore[return-value]

    def adopt(self, filed: Filed[C]) -> None:
        """Enter a card that lies in no root; raises CardError where its name is another's, or has no namespace."""
        known = self.all(type(filed.card))
        other = known.get(filed.card.name)
        if other is None or (other.card, other.path) != (filed.card, filed.path):
            _enter(known, filed, self.trusted)  # type: ignore[arg-type]

    def _take(self, found: dict[str, Filed[schema.Card]], root: CardRoot, kind: type[C], path: Path) -> None:
        """Read one file of a root and enter its card, if it has one of the kind."""
        filed = None
        try:
            filed = _filed(root, kind, path)
            if filed is not None:
                _enter(found, filed, self.trusted)
        except CardError as error:
            if self.strict or not root.outside:
                raise
            skipped(str(error))
            self._broken.setdefault(kind, {}).update(dict.fromkeys(_names(root, path), error))
            twin = found.get(filed.card.name) if filed is not None else None
            if twin is not None and twin.root.outside:  # of two with one name nobody knows which is meant
                del found[twin.card.name]


SINGULAR: dict[type[schema.Card], str] = {kind: folder.rstrip("s") for kind, folder in FOLDERS.items()} | {
    schema.DefenseCard: "defense",
    innocents.InnocentsCard: "innocents",
}


def _files(root: CardRoot, kind: type[C]) -> list[Path]:
    return [root.path / "card.toml"] if root.is_submission else sorted((root.path / FOLDERS[kind]).glob("*.toml"))


def _filed(root: CardRoot, kind: type[C], path: Path) -> Filed[C] | None:
    """Return the card in a file; None for a submission of the other kind."""
    table = read_toml(path)
    if root.is_submission:
        key = SUBMITTED.get(kind)
        if not set(table) or set(table) - set(SUBMITTED.values()):
            raise CardError(f"{path}: a submission holds [attack] or [defense], not {sorted(table)}", "see docs")
        return Filed(check(kind, table[key], path), root, path) if key in table else None
    card = check(kind, table, path)
    if path.stem != card.name.split("/")[-1]:
        raise CardError(f"{path} holds the card {card.name!r}", f"name the file {card.name.split('/')[-1]}.toml")
    return Filed(card, root, path)


def _names(root: CardRoot, path: Path) -> set[str]:
    """Return by what a broken card may be asked for: what it calls itself, where that can be read, and its file."""
    try:
        table = read_toml(path)
    except CardError:
        table = {}
    tables = [table, *(part for part in table.values() if isinstance(part, dict))] if root.is_submission else [table]
    own = {name for part in tables if isinstance(name := part.get("name"), str)}
    return own | {root.path.name if root.is_submission else path.stem}


def _enter(found: dict[str, Filed[schema.Card]], filed: Filed[C], trusted: bool) -> None:
    name = filed.card.name
    if filed.root.outside != ("/" in name):
        wanted = "a namespace, such as yourname/" + name.split("/")[-1] if filed.root.outside else "no namespace"
        raise CardError(f"{filed.path}: the name {name!r} needs {wanted}", "change `name` on the card")
    reader = filed.card.reader if isinstance(filed.card, schema.DatasetCard) else ""
    entry = filed.card.entry if isinstance(filed.card, schema.MetricCard | schema.ExtractorCard) else ""
    for beside in filter(None, [entry, "" if trusted else reader]):
        if filed.root.outside and not beside.startswith("gexbench."):
            raise CardError(
                f"{filed.path}: {beside!r} would run beside the test data",
                "a reader of your own: gexbench run --trust, in records that are never ranked"
                if reader
                else "metrics and extractors are gexbench's own",
            )
    if name in found:
        raise CardError(f"{name!r} is declared twice: {found[name].path} and {filed.path}", "rename one of them")
    found[name] = filed  # type: ignore[assignment]


def read_toml(path: Path) -> dict[str, object]:
    """Parse a TOML file; raises CardError naming file and line."""
    try:
        return tomllib.loads(read_bounded(path, LARGEST_FILE).decode("utf-8"))
    except OSError as error:
        raise CardError(
            f"cannot read the card {path}: {error.strerror}", "check the path and its permissions"
        ) from None
    except (ValueError, RecursionError) as error:
        raise CardError(f"{path} is not valid TOML: {shown(str(error))}", "correct the file") from None


def check(kind: type[C], table: object, path: Path) -> C:
    """Build a card from a parsed table; raises CardError with the first thing that is wrong and where."""
    try:
        card = kind.model_validate(table)
        if isinstance(card, schema.AttackCard | schema.DefenseCard):
            check_defaults(card.options, card.profile)
        if isinstance(card, schema.DefenseCard):
            check_sweep(card.options, card.sweep)
        return card
    except PlanError as error:
        raise CardError(f"{path}: {shown(str(error))}", shown(error.hint)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = shown(".".join(str(part) for part in first["loc"])) or "card"
        known = kind.model_fields
        hint = nearest(str(first["loc"][-1]), known) if first["type"] == "extra_forbidden" else f"see {kind.__name__}"
        given = "" if first["type"] in ("missing", "extra_forbidden") else f" (got {shown(str(first['input']), 60)!r})"
        raise CardError(f"{path}: {place}: {first['msg']}{given}", hint) from None
