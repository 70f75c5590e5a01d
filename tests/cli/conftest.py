"""What the tests of commands that run plans share."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import Records, stand_in


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    """Let the command see a small registry, and run in an empty folder."""
    monkeypatch.setenv("COLUMNS", "140")
    return stand_in(tmp_path, monkeypatch)


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    """Return a submission's folder, with the attack `me/mine`, its options and its code."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "card.toml").write_text(
        '[attack]\nname = "me/mine"\nsummary = "Mine."\nentry = "mine:Mine"\n'
        '[attack.options]\nsteps = { type = "int", default = 1, help = "steps" }\n'
    )
    (folder / "mine.py").write_text("class Mine: ...\n")
    return folder
