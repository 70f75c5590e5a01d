"""Where a run comes from: its versions, the state of its checkout, and no word about who made it."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from gexbench.engine.machine import provenance
from gexbench.engine.machine.provenance import git_state, own_version, plug_in_folder, python, system, versions

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in which gexbench lies."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("gexbench/core.py", "registry/card.toml", "runs/record.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    who = ("-c", "user.name=someone", "-c", "user.email=someone@example.org", "-c", "commit.gpgsign=false")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "gexbench", "registry")
    git(tmp_path, *who, "commit", "-q", "-m", "first")
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "gexbench")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


@needs_git
def test_a_clean_checkout_is_known_by_its_commit(checkout: Path) -> None:
    assert git_state() == (git(checkout, "rev-parse", "HEAD"), False)


@needs_git
@pytest.mark.parametrize("changed", ["gexbench/core.py", "registry/card.toml", "gexbench/new.py", "pyproject.toml"])
def test_a_checkout_with_changes_to_what_computes_says_so(checkout: Path, changed: str) -> None:
    (checkout / changed).write_text("changed")
    assert git_state()[1] is True


@needs_git
def test_what_lies_beside_the_package_is_no_change(checkout: Path) -> None:
    (checkout / "runs" / "record.json").write_text("changed")
    (checkout / "notes.txt").write_text("new")
    assert git_state()[1] is False


def test_a_package_without_a_checkout_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "gexbench")
    assert git_state() == (None, None)


@pytest.mark.parametrize("problem", ["no git", "hangs", "no repository"])
def test_a_checkout_of_which_git_says_nothing_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if problem == "no git":
            raise FileNotFoundError("git")
        if problem == "hangs":
            raise subprocess.TimeoutExpired(words, 10)
        return subprocess.CompletedProcess(words, 128, "fatal", "not a git repository")

    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "gexbench")
    monkeypatch.setattr(subprocess, "run", run)
    assert git_state() == (None, None)


def test_libraries_that_are_installed_have_their_versions_and_others_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert torch.__version__.startswith(versions()["torch"])
    monkeypatch.setattr(provenance, "LIBRARIES", ("torch", "no-such-library-here"))
    assert list(versions()) == ["torch"]


def test_a_package_that_was_not_installed_has_a_version_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_installed", lambda name: False)
    assert own_version() == "0+unknown"


def test_the_system_is_named_without_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, said in {
        "system": "Linux",
        "release": "6.8.0-45-somehost",
        "machine": "x86_64",
        "node": "somehost",
    }.items():
        monkeypatch.setattr(platform, name, lambda said=said: said)
    assert system() == "Linux 6.8.0 x86_64"
    assert python() == platform.python_version()


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
