"""The source distribution holds what its tests read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FROM_THE_TOP = re.compile(r'(?:ROOT|REPOSITORY|parents\[\d\]|\.parent) / "([\w.]+)"')


def test_whatever_tests_read_is_in_the_source_distribution() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = {path.strip("/") for path in settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    read = {name for text in sources for name in FROM_THE_TOP.findall(text) if (ROOT / name).exists()}
    assert {"docs", "registry", "submissions", "leaderboards"} <= read
    assert read - {"pyproject.toml"} <= held
