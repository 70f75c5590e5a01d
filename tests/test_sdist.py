"""The source distribution holds what its tests read."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def paths_read(source: str, file: Path) -> Iterator[Path]:
    """Yield each path that a test file spells from where it lies, as in `Path(__file__).parents[1] / "docs"`.

    What such a path is given as a name stands for it in the rest of the file.
    """
    named: dict[str, Path] = {}

    def path(node: ast.expr) -> Path | None:
        match node:
            case ast.Call(func=ast.Name(id="Path"), args=[ast.Name(id="__file__")]):
                return file
            case ast.Name(id=name):
                return named.get(name)
            case ast.Call(func=ast.Attribute(value=below, attr="resolve")):
                return path(below)
            case ast.Attribute(value=below, attr="parent"):
                return found.parent if (found := path(below)) else None
            case ast.Subscript(value=ast.Attribute(value=below, attr="parents"), slice=ast.Constant(value=int(up))):
                return found.parents[up] if (found := path(below)) else None
            case ast.BinOp(left=below, op=ast.Div(), right=ast.Constant(value=str(word))):
                return found / word if (found := path(below)) else None
        return None

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and (found := path(node.value)):
            named[node.targets[0].id] = found
        if isinstance(node, ast.BinOp) and (found := path(node)):
            yield found


def test_whatever_tests_read_is_in_the_source_distribution() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = {path.strip("/") for path in settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    files = sorted((ROOT / "tests").rglob("*.py"))
    found = [path for file in files for path in paths_read(file.read_text(encoding="utf-8"), file)]
    read = {path.relative_to(ROOT).parts[0] for path in found if ROOT in path.parents}
    assert {"docs", "registry", "submissions", "leaderboards"} <= read
    assert read - {"pyproject.toml"} <= held


def test_only_what_is_spelt_from_the_top_counts_and_nothing_that_happens_to_lie_there() -> None:
    source = """
TOP = Path(__file__).resolve().parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*"))]
CARDS = Path(__file__).parent.parent / "registry" / "tasks"
def test(data: Path) -> None:
    assert data.parent / "runs" != Path(numpy.__file__).parent / "core" != CARDS.parent / "assets"
"""
    found = set(paths_read(source, Path("/top/tests/test_a.py")))
    read = ("README.md", "docs", "registry", "registry/tasks", "registry/assets")
    assert found == {Path("/top", name) for name in read}
