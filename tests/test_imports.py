"""Imports run one way, and the documents column starts without torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "gexbench"
ROLES = {"datasets", "victims", "attacks", "defenses", "metrics", "extractors"}
DOCUMENTS = {"errors", "plan", "plan_file", "record", "cards"}
CONTRACTS = {"core", "errors"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "cards": {"errors"},
    "plan": {"errors", "cards"},
    "plan_file": DOCUMENTS,
    "record": DOCUMENTS,
    "core": CONTRACTS,
    "nets": CONTRACTS,
    "training": CONTRACTS | {"nets"},
    **{role: CONTRACTS | {"nets", "training"} for role in ROLES},
    "boards": DOCUMENTS | {"engine"},
    "engine": DOCUMENTS | CONTRACTS,
    "bench": DOCUMENTS | {"engine"},
    "sweep": DOCUMENTS | {"bench", "engine"},
    "studies": DOCUMENTS | {"bench", "sweep", "boards"},
    "surrogate": DOCUMENTS | {"engine"},
    "verification": DOCUMENTS | {"bench", "boards"},
    "templates": CONTRACTS,
    "cli": DOCUMENTS | {"bench", "sweep", "boards", "engine", "verification"},
}


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gexbench"):
            names = [f"gexbench.{alias.name}" for alias in node.names] if node.module == "gexbench" else [node.module]
            yield from names
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("gexbench"))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_what_its_folder_may(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return
    allowed = ALLOWED[own] | {own, "__version__"}
    wrong = [module for module in imports(path) if part_of(module) not in allowed]
    if own in ROLES:
        allowed_here = f"gexbench.{own}"
        wrong += [m for m in imports(path) if part_of(m) == own and m != allowed_here and path.name == "__init__.py"]
    assert not wrong, f"{path.name} imports {wrong}"


@pytest.mark.parametrize(
    "command", [["--help"], ["list"], ["show", "srresnet"], ["run", "--help"], ["score", "--help"]]
)
def test_light_commands_never_import_torch(command: list[str]) -> None:
    code = (
        "import sys; from gexbench.cli.app import app\n"
        f"try: app({command!r}, standalone_mode=False)\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "False"
