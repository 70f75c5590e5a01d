"""What SECURITY.md says is kept by tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_test_that_the_page_names_is_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"test_\w+\.py", text))
    assert named
    assert named <= there


def test_every_cheat_that_the_page_names_is_a_plug_in() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`test_cheats\.py`: the (\w+)", text))
    cheats = {path.stem for path in (ROOT / "tests" / "cheats" / "attacks").glob("*.toml")}
    assert named
    assert named <= cheats
