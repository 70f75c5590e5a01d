"""What the tests of commands that run many plans share."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import Records, write_registry

from gexbench import bench
from gexbench.cards import roots
from gexbench.plan import Identity


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    """Let the command see a small registry, and run in an empty folder."""
    made = Records(write_registry(tmp_path / "registry"))
    root = made.catalog.roots[0]
    monkeypatch.setattr(roots, "packaged_root", lambda: root)
    monkeypatch.setattr(roots, "installed_roots", list)
    monkeypatch.setattr(bench, "identify", lambda request, catalog: Identity("victim-hash", "pins-hash", "code-hash"))
    monkeypatch.setenv("COLUMNS", "140")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return made
