"""Which moments a defense's class has, read from its source: foreign code is not imported to be listed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from gexbench.core.defense import MOMENTS
from gexbench.engine.machine.provenance import PACKAGE, plug_in_folder

BASE = "gexbench.core.defense"


def moments_of(entry: str, code: Path | None) -> tuple[str, ...]:
    """Return the moments that the class of an entry, or one that it builds on, has of its own.

    code: the folder of a plug-in's modules, None for an installed package. Nothing for a source that cannot be read.
    """
    module, _, name = entry.partition(":")
    found = set(_methods(module, name, code, set()))
    return tuple(moment for moment in MOMENTS if moment in found)


def _methods(module: str, name: str, code: Path | None, seen: set[tuple[str, str]]) -> Iterator[str]:
    if (module, name) in seen:
        return
    seen.add((module, name))
    tree = _parsed(None if module == BASE else _file(module, code))
    made = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    yield from (node.name for each in made for node in each.body if isinstance(node, ast.FunctionDef))
    taken = dict(_taken(tree))
    for base in (base for each in made for base in each.bases):
        if isinstance(base, ast.Name):
            yield from _methods(*taken.get(base.id, (module, base.id)), code, seen)


def _taken(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield what a module takes from others by name: where it comes from, and what it is called there."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((alias.asname or alias.name, (node.module, alias.name)) for alias in node.names)


def _file(module: str, code: Path | None) -> Path | None:
    """Return the file of a module; None where there is none to be found without an import."""
    top, *below = module.split(".")
    folder = PACKAGE if top == "gexbench" else plug_in_folder(f"{module}:It", code)
    if folder is None or folder.is_file():
        return folder
    path = folder.joinpath(*below) if code is None or top == "gexbench" else folder.joinpath(top, *below)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _parsed(file: Path | None) -> ast.Module:
    try:
        return ast.parse(b"" if file is None else file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse("")
