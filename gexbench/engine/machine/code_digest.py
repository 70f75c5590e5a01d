"""The digest of the code that makes a plan's numbers: the modules its entries reach, found by reading imports.

Counted are the modules of the entries, ROOTS, all of engine/kinds but the files of other kinds, and whatever these
import, inside functions too, on and on. Imports for type checkers alone are not followed, nor those into WALLS. Of a
module its statements count, not its layout, its comments or its docstrings. No module is imported for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from gexbench.cards.fields import TaskKindName
from gexbench.engine.machine.provenance import PACKAGE
from gexbench.engine.machine.source_code import Code, Import, read_code, read_imports
from gexbench.errors import CardError

ROOTS = (
    "gexbench.engine.attacker.process",
    "gexbench.engine.attacker.surrogate_process",
    "gexbench.engine.defender.process",
    "gexbench.engine.machine.hardware",
    "gexbench.engine.run.execute",
    "gexbench.engine.scoring.score",
    "gexbench.engine.service.process",
    "gexbench.engine.service.pytorch_victim",
)
"""What every run reaches; for the most part processes and a victim's backend, which nothing imports."""

WALLS = (
    # what these decide stands in the plan
    "gexbench.cards",
    "gexbench.errors",
    "gexbench.ownership",
    "gexbench.engine.service.backends",
    "gexbench.plan",
    "gexbench.record",
    # these watch, carry and show
    "gexbench.bench",
    "gexbench.boards",
    "gexbench.cli",
    "gexbench.comparison",
    "gexbench.engine.attacker.audit",
    "gexbench.engine.attacker.tampering",
    "gexbench.engine.checks",
    "gexbench.engine.kinds.contact_sheet",
    "gexbench.engine.kinds.near_copies",
    "gexbench.engine.machine.plug_in_copy",
    "gexbench.engine.machine.provenance",
    "gexbench.engine.run.clock",
    "gexbench.engine.run.dialler",
    "gexbench.engine.run.isolation",
    "gexbench.engine.run.lease",
    "gexbench.engine.run.local",
    "gexbench.engine.run.loggers",
    "gexbench.engine.run.nearness",
    "gexbench.engine.run.remote",
    "gexbench.engine.run.remote_surrogate",
    "gexbench.engine.run.run_folder",
    "gexbench.engine.run.sides",
    "gexbench.engine.run.taking",
    "gexbench.engine.sandbox",
    "gexbench.engine.service.calls",
    "gexbench.engine.service.dial",
    "gexbench.engine.service.http_client",
    "gexbench.foreign_text",
    "gexbench.verification",
    # these say where files lie, and check hashes of what they fetch
    "gexbench.files",
    "gexbench.file_kinds",
    "gexbench.engine.store.assets",
    "gexbench.engine.store.carriers",
    "gexbench.engine.store.nearby",
    "gexbench.engine.store.own_victim",
    "gexbench.engine.store.paths",
    "gexbench.engine.store.pictures",
    "gexbench.engine.store.prepared",
    "gexbench.engine.store.victim_weights",
)
"""Modules and packages that make no numbers; whatever else is reached counts."""

KINDS = "gexbench.engine.kinds"


@dataclass(frozen=True)
class Origin:
    """What a plan names: entry strings on its cards, the task's kind, all files of its plug-ins.

    Entries of plug-ins may be among them and tell nothing here; of the files, Python's are read for what they import.
    """

    entries: tuple[str, ...]
    kind: str
    plug_ins: tuple[Path, ...] = ()


def code_digest(origin: Origin, package: Path = PACKAGE) -> str:
    """Return the hash of the code of gexbench that a plan reaches, 16 hex digits, the same under every Python.

    Raises CardError where an entry names a module of gexbench's that is not there.
    """
    return _hashed(reached(origin, package))


def reached(origin: Origin, package: Path = PACKAGE) -> dict[str, Code]:
    """Return the modules of gexbench that make a plan's numbers, by dotted name; raises as `code_digest`."""
    walls = (*WALLS, *other_kinds(origin.kind))
    return _followed((*_modules(origin.entries), *ROOTS, *_kinds(package, walls)), origin.plug_ins, walls, package)


def digest_of_entries(entries: Iterable[str], plug_ins: Iterable[Path] = (), package: Path = PACKAGE) -> str:
    """Return the hash of the code of gexbench that entries and files of plug-ins reach by themselves, 16 hex digits.

    Of the engine counts what they import, and nothing else. Raises as `code_digest`.
    """
    return _hashed(_followed(tuple(_modules(entries)), plug_ins, WALLS, package))


def _hashed(counted: Mapping[str, Code]) -> str:
    lines = [f"{name} {code.digest}\n" for name, code in sorted(counted.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def _followed(named: Sequence[str], plug_ins: Iterable[Path], walls: Sequence[str], package: Path) -> dict[str, Code]:
    for name in named:
        if _file(package, name) is None:
            raise CardError(f"gexbench has no module {name!r}", "correct the card's entry, or install gexbench again")
    waiting, seen, counted = [*named, *_imported_by(plug_ins)], set[str](), dict[str, Code]()
    while waiting:
        name = waiting.pop()
        if name in seen or _is_behind(walls, name):
            continue
        seen.add(name)
        file = _file(package, name)
        if file is not None:
            counted[name] = read_code(file.read_bytes())
            above = name.rpartition(".")[0]
            waiting += [above, *_targets(counted[name].imports, name if file.name == "__init__.py" else above)]
    return counted


def other_kinds(kind: str) -> list[str]:
    """Return the modules of the task kinds that are not this one; a kind's module has the kind's word for a name."""
    words: tuple[str, ...] = get_args(TaskKindName)
    return [f"{KINDS}.{word.replace('-', '_')}" for word in words if word != kind]


def _modules(entries: Iterable[str]) -> Iterator[str]:
    return (entry.partition(":")[0] for entry in entries if entry.startswith("gexbench."))


def _kinds(package: Path, walls: Iterable[str]) -> list[str]:
    files = package.joinpath(*KINDS.split(".")[1:]).glob("*.py")
    names = (f"{KINDS}.{file.stem}" for file in files if file.stem != "__init__")
    return [name for name in names if not _is_behind(walls, name)]


def _file(package: Path, name: str) -> Path | None:
    """Return the file of a module below the package, None where it has none: another package's, or no module."""
    top, *below = name.split(".")
    if top != "gexbench" or not below:
        return None
    path = package.joinpath(*below)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _is_behind(walls: Iterable[str], name: str) -> bool:
    return any(name == wall or name.startswith(f"{wall}.") for wall in walls)


def _imported_by(files: Iterable[Path]) -> Iterator[str]:
    """Yield what a plug-in's files import of gexbench, and what else they import."""
    for file in files:
        if file.suffix == ".py":
            yield from _targets(read_imports(file.read_bytes()), "")


def _targets(imports: Iterable[Import], package: str) -> Iterator[str]:
    """Yield what a module of `package` imports, and what it takes from there, which may be modules too."""
    for dots, module, taken in imports:
        parts = package.split(".")
        above = parts[: len(parts) + 1 - dots] if dots else []
        base = ".".join([*above, module] if module else above)
        yield base
        yield from (f"{base}.{name}" for name in taken)
