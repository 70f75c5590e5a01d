"""The folder of a plug-in is found without importing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.machine.provenance import plug_in_folder


def test_gexbenchs_own_code_is_no_plug_in() -> None:
    assert plug_in_folder("gexbench.attacks.srresnet:SRResNetAttack", None) is None


def test_a_submissions_code_is_its_folder(tmp_path: Path) -> None:
    assert plug_in_folder("attack:Mine", tmp_path) == tmp_path


def test_an_installed_plug_in_is_a_package_with_or_without_init_or_a_single_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pkg_with", "pkg_without"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "attack.py").write_text("raise SystemExit\n")
    (tmp_path / "pkg_with" / "__init__.py").write_text("raise SystemExit\n")
    (tmp_path / "pkg_single.py").write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = [plug_in_folder(f"{name}.attack:Mine", None) for name in ("pkg_with", "pkg_without", "pkg_single")]
    assert found == [tmp_path / "pkg_with", tmp_path / "pkg_without", tmp_path / "pkg_single.py"]


def test_what_is_not_installed_has_no_folder() -> None:
    assert plug_in_folder("no_such_package_here.attack:Mine", None) is None
