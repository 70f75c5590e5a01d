"""From an entry string to the object it names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gexbench.cards.entry import load_entry


def test_the_folder_of_a_plugin_comes_first_also_when_another_was_put_there_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "of_two_folders.py").write_text(f"NAME = {name!r}\n")
    for name in ("one", "two", "one"):
        monkeypatch.delitem(sys.modules, "of_two_folders", raising=False)
        assert load_entry("of_two_folders:NAME", tmp_path / name) == name
    monkeypatch.delitem(sys.modules, "of_two_folders")
    assert sys.path.count(str(tmp_path / "one")) == 1
