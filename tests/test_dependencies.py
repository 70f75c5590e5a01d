"""Every distribution that pyproject.toml depends on is used by the package."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IMPORTED_AS = {"clean-fid": "cleanfid", "pillow": "PIL", "scikit-image": "skimage", "scikit-learn": "sklearn"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in PROJECT["dependencies"]]


def imported(path: Path) -> Iterator[str]:
    """Yield the first parts of the names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)


@pytest.fixture(scope="module")
def modules() -> set[str]:
    return {name for path in (ROOT / "gexbench").rglob("*.py") for name in imported(path)}


@pytest.mark.parametrize("distribution", DEPENDENCIES)
def test_the_package_imports_what_it_depends_on(distribution: str, modules: set[str]) -> None:
    assert IMPORTED_AS.get(distribution, distribution) in modules
