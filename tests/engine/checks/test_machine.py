"""The doctor says what is wrong and what to do."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from gexbench.engine.checks import machine
from gexbench.engine.sandbox.rules import Support


def finding(what: str) -> list[machine.Finding]:
    return [found for found in machine.examine() if found.what == what]


def pretend(monkeypatch: pytest.MonkeyPatch, code: int, out: str, err: str) -> None:
    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, code, out, err)

    monkeypatch.setattr(machine.subprocess, "run", run)


def test_a_working_torch_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 0, "2.11.0 0.26.0 False\n", "")
    assert finding("torch") == [machine.Finding("✓", "torch", "2.11.0, torchvision 0.26.0, CPU")]


def test_builds_for_different_devices_are_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 1, "", "RuntimeError: operator torchvision::nms does not exist\n")
    (found,) = finding("torch")
    assert found.mark == "✗"
    assert "pip install" in found.advice


def test_a_torch_that_does_not_import_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 1, "", "Traceback\nImportError: libcudart.so not found\n")
    (found,) = finding("torch")
    assert "libcudart.so" in found.found


def test_a_quick_look_starts_no_process_and_reads_no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("too slow")

    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(machine.subprocess, "run", never)
    monkeypatch.setattr("gexbench.engine.store.victim_weights.file_sha256", never)
    monkeypatch.setattr(machine.AssetStore, "status", never)
    found = machine.examine(quick=True)
    assert [each.what for each in found if each.what == "torch"] == ["torch"]
    assert machine.Finding("✓", "victim", "srgan-mini, not read") in found
    assert any("gexbench assets fetch lpips-alex" in each.advice for each in found)


def test_a_quick_look_names_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(machine.importlib.metadata, "version", version)
    (found,) = [each for each in machine.examine(quick=True) if each.what == "torch"]
    assert (found.mark, found.found) == ("✗", "torch is not installed")


def test_a_quick_look_imports_no_torch() -> None:
    code = (
        "import sys; from gexbench.engine.checks.machine import examine; examine(True); print('torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout == "False\n", done.stderr


def test_a_missing_asset_names_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, 0, "2.11.0 0.26.0 False\n", "")
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path))
    assert any("gexbench assets fetch lpips-alex" in found.advice for found in finding("asset"))


def test_a_data_folder_that_is_none_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, 0, "2.11.0 0.26.0 False\n", "")
    monkeypatch.setenv("GEXBENCH_DATA", str(tmp_path / "nowhere"))
    (found,) = finding("data")
    assert found.mark == "✗"


@pytest.mark.parametrize(("view", "mark"), [(True, "✓"), (False, "!")])
def test_whether_attacks_have_a_view_of_their_own_is_one_line(
    monkeypatch: pytest.MonkeyPatch, view: bool, mark: str
) -> None:
    pretend(monkeypatch, 1, "", "")
    monkeypatch.setattr(machine, "support", lambda: Support(7, seccomp=True, view=view))
    (found,) = finding("view")
    assert found.mark == mark
    assert ("max_user_namespaces" in found.advice) is not view
