"""Imports run one way, and the documents column starts without torch."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "gexbench"
ROLES = {"datasets", "victims", "attacks", "defenses", "metrics", "extractors"}
DOCUMENTS = {
    *("errors", "plan", "plan_file", "record", "comparison", "ownership"),
    *("cards", "files", "foreign_text", "file_kinds"),
}
CONTRACTS = {"core", "errors"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "files": {"errors"},
    "foreign_text": set(),
    "file_kinds": set(),
    "cards": {"errors", "files", "foreign_text"},
    "plan": {"errors", "cards"},
    "plan_file": DOCUMENTS,
    "record": DOCUMENTS,
    "comparison": DOCUMENTS,
    "ownership": {"cards"},
    "core": CONTRACTS | {"file_kinds", "foreign_text"},
    "nets": CONTRACTS,
    "training": CONTRACTS | {"nets"},
    **{role: CONTRACTS | {"nets", "training"} for role in ROLES},
    "boards": DOCUMENTS | {"engine"},
    "site": DOCUMENTS | {"boards"},
    "study": DOCUMENTS | CONTRACTS | {"boards", "site", "engine"},
    "engine": DOCUMENTS | CONTRACTS,
    "bench": DOCUMENTS | {"engine"},
    "sweeps": DOCUMENTS | {"bench", "boards", "engine"},
    "claims": DOCUMENTS | {"bench", "engine", "surrogate"},
    "innocents": DOCUMENTS | {"bench", "sweeps", "engine"},
    "studies": DOCUMENTS | {"bench", "sweeps", "boards"},
    "notebook": DOCUMENTS | {"bench", "core", "engine"},
    "surrogate": DOCUMENTS | {"core", "engine"},
    "noise": DOCUMENTS,
    "neighbours": DOCUMENTS | {"boards"},
    "verification": DOCUMENTS | {"bench", "boards", "engine", "neighbours", "noise"},
    "submission": DOCUMENTS | {"boards", "engine", "verification"},
    "templates": CONTRACTS,
    "cli": DOCUMENTS
    | {"bench", "sweeps", "boards", "site", "study", "engine", "verification", "innocents", "claims", "submission"},
}


ENGINE: dict[str, set[str]] = {
    "machine": set(),
    "store": {"machine"},
    "sandbox": set(),
    "wire": set(),
    "kinds": {"wire"},
    "attacker": {"wire", "sandbox", "kinds"},
    "defender": {"wire", "store.weights"},
    "service": {"kinds", "wire", "sandbox", "store.weights"},
    "scoring": {"kinds", "machine", "store"},
    "run": {"machine", "store", "sandbox", "wire", "attacker", "defender", "kinds", "service", "scoring"},
    "checks": {"machine", "store", "sandbox", "wire", "kinds", "run"},
}
"""What each folder of the engine may import of the others."""


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


@pytest.mark.parametrize("path", sorted((PACKAGE / "engine").rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_of_the_engine_imports_only_what_its_folder_may(path: Path) -> None:
    own, *rest = path.relative_to(PACKAGE / "engine").parts
    if not rest:
        assert own == "__init__.py", "the engine holds folders only"
        return
    inside = [m.removeprefix("gexbench.engine.") for m in imports(path) if m.startswith("gexbench.engine.")]
    allowed = ENGINE[own] | {own}
    wrong = [m for m in inside if not any(m == each or m.startswith(f"{each}.") for each in allowed)]
    assert not wrong, f"{own}/{path.name} imports {wrong}"


def test_every_folder_of_the_engine_has_its_row_and_no_two_import_each_other() -> None:
    folders = {path.name for path in (PACKAGE / "engine").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(ENGINE)
    names = {row: {each.partition(".")[0] for each in allowed} for row, allowed in ENGINE.items()}
    placed: set[str] = set()
    while ready := {row for row, allowed in names.items() if row not in placed and allowed <= placed}:
        placed |= ready
    assert placed == folders, f"a circle among {sorted(folders - placed)}"


def loaded_modules() -> Iterator[str]:
    """Yield dotted names of the package's modules."""
    for path in PACKAGE.rglob("*.py"):
        yield ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def test_no_two_modules_import_each_other_while_they_load() -> None:
    known, arrows = set(loaded_modules()), {}
    for name in known:
        path = PACKAGE.parent.joinpath(*name.split("."))
        tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8"))
        arrows[name] = {target for node in tree.body for target in targets(node) if target in known} - {name}
    while leaves := {name for name, to in arrows.items() if not to & arrows.keys()}:
        for name in leaves:
            del arrows[name]
    assert not arrows, f"a circle among {sorted(arrows)}"


def targets(node: ast.stmt) -> Iterator[str]:
    """Yield what a statement at the top of a module imports, `from a import b` as a.b and as a."""
    if isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield node.module
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)


def test_the_attackers_process_loads_no_ledger_and_no_scoring() -> None:
    code = "import sys, gexbench.engine.attacker.process; print(*sorted(m for m in sys.modules if 'gexbench.' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    loaded = {name.removeprefix("gexbench.engine.").partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"service", "scoring", "run", "checks", "store", "machine"}


KIND_WORDS = re.compile(r"[\"'](image-to-image|sampling)[\"']")
KIND_SWITCHES = re.compile(r"kind (==|!=) [\"']|isinstance\([^)]*(Desk|Endpoint)|\.ndim\b")


def test_the_words_for_kinds_of_task_stand_in_one_file() -> None:
    found = {str(p.relative_to(PACKAGE)) for p in PACKAGE.rglob("*.py") if KIND_WORDS.search(p.read_text("utf-8"))}
    assert found == {"cards/fields.py"}


def test_the_engine_asks_for_the_kind_of_a_task_in_the_kinds_alone() -> None:
    files = [path for path in (PACKAGE / "engine").rglob("*.py") if path.parent.name != "kinds"]
    found = [
        f"{p.name}: {line}" for p in files for line in p.read_text("utf-8").splitlines() if KIND_SWITCHES.search(line)
    ]
    assert not found


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
