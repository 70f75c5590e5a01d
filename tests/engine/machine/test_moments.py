"""The moments of a defense are read from its source, which is not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.machine.moments import moments_of

BASE = """
raise SystemExit("imported")
from gexbench.core.defense import Defense
class Marks(Defense):
    def claim(self, outputs, trial): ...
class Circle(Wheel):
    def prepare(self, victim, owner, place): ...
class Wheel(Circle):
    def harden(self, victim, owner): ...
"""
OWN = """
from below.base import Marks as Parent
class Mine(Parent):
    def guard_output(self, x, y, history): ...
    def helper(self): ...
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "base.py").write_text(BASE)
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "torn.py").write_text("class Mine(:")
    return tmp_path


@pytest.mark.parametrize(
    ("entry", "moments"),
    [
        ("own:Mine", ("guard_output", "claim")),
        ("own:Parent", ()),
        ("below.base:Circle", ("prepare", "harden")),
        ("torn:Mine", ()),
        ("gone:Mine", ()),
        ("gexbench.defenses.jpeg:Jpeg", ("guard_output",)),
    ],
)
def test_a_classes_own_and_inherited_moments_are_found(code: Path, entry: str, moments: tuple[str, ...]) -> None:
    assert moments_of(entry, code) == moments


def test_an_installed_packages_class_is_found_without_its_folder() -> None:
    assert moments_of("gexbench.defenses.gaussian_noise:GaussianNoise", None) == ("guard_output",)
    assert moments_of("no_such_package:It", None) == ()
