"""Every file of the engine has its tests: in a file of its own name, or end to end in one that is named here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
ENGINE = REPOSITORY / "gexbench" / "engine"

COVERED_BY: dict[str, str] = {
    "attacker/serve.py": "tests/engine/attacker/test_process.py",
    "checks/inspect_process.py": "tests/cli/test_check.py",
    "checks/probe_victim.py": "tests/cli/test_victim_probe.py",
    "kinds/endpoint.py": "tests/engine/service/test_meter.py",
    "run/losses.py": "tests/cli/test_losses.py",
    "run/nearness.py": "tests/engine/run/test_cheats.py",
    "run/opened.py": "tests/test_notebook.py",
    "run/train_victim.py": "tests/engine/run/test_sampling_run.py",
    "sandbox/descendants.py": "tests/engine/sandbox/test_supervisor.py",
    "sandbox/landlock.py": "tests/engine/sandbox/test_rules.py",
    "sandbox/linux.py": "tests/engine/sandbox/test_seccomp.py",
    "scoring/features/walk.py": "tests/engine/scoring/features/test_images.py",
    "service/probe_process.py": "tests/cli/test_victim_probe.py",
    "store/pip_child.py": "tests/engine/store/test_pypi.py",
    "store/source_failed.py": "tests/engine/store/test_download.py",
    "wire/probing.py": "tests/cli/test_victim_probe.py",
}
"""Files that a test of their own would only repeat: what they do shows where they are used."""


def files() -> list[str]:
    found = (path for path in ENGINE.rglob("*.py") if path.name != "__init__.py")
    return sorted(path.relative_to(ENGINE).as_posix() for path in found)


def own_tests(file: str) -> Path:
    path = REPOSITORY / "tests" / "engine" / file
    return path.with_name(f"test_{path.name}")


@pytest.mark.parametrize("file", files())
def test_a_file_of_the_engine_has_its_tests(file: str) -> None:
    assert own_tests(file).is_file() or file in COVERED_BY, (
        f"write {own_tests(file).relative_to(REPOSITORY)}, or say in COVERED_BY what covers {file}"
    )


@pytest.mark.parametrize("file", COVERED_BY)
def test_what_is_covered_end_to_end_is_there_and_has_no_tests_of_its_own(file: str) -> None:
    assert (ENGINE / file).is_file()
    assert not own_tests(file).exists(), f"{file} has its own tests; take it off COVERED_BY"
    assert (REPOSITORY / COVERED_BY[file]).is_file()


@pytest.mark.parametrize("path", sorted(ENGINE.rglob("__init__.py")), ids=lambda p: p.parent.name)
def test_what_is_left_out_holds_no_code(path: Path) -> None:
    assert not [node for node in ast.parse(path.read_text("utf-8")).body if not isinstance(node, ast.Expr)]
