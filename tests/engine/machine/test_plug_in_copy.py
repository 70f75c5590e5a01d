"""The copy of a plug-in that runs: what was hashed, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gexbench.engine.machine.plug_in_copy import copied
from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files
from gexbench.errors import CardError, PlanError


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A plug-in with what counts and what does not."""
    made = tmp_path / "submission"
    for name in ("attack.py", "card.toml", "data/table.csv", ".git/HEAD", "__pycache__/attack.pyc"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (made / "alias").symlink_to("data")
    (made / "same.py").symlink_to("attack.py")
    return made


def test_a_copy_holds_what_is_hashed_and_nothing_else(code: Path, tmp_path: Path) -> None:
    without = (code / "card.toml",)
    digest = plug_in_digest(code, plug_in_files(code, without))
    copy = copied(code, without, tmp_path / "run" / "code", digest)
    assert copy == tmp_path / "run" / "code" / "submission"
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*")}
    assert names == {"attack.py", "same.py", "alias", "data", "data/table.csv"}
    assert (copy / "alias" / "table.csv").read_text() == "data/table.csv"
    assert (copy / "alias").resolve().is_relative_to(copy)


def test_a_plug_in_that_is_not_what_was_planned_is_refused(code: Path, tmp_path: Path) -> None:
    digest = plug_in_digest(code, plug_in_files(code))
    (code / "attack.py").write_text("something else")
    with pytest.raises(PlanError, match="was changed while it was read"):
        copied(code, (), tmp_path / "code", digest)


def test_what_stood_in_the_place_of_a_copy_is_gone(code: Path, tmp_path: Path) -> None:
    (tmp_path / "code" / "submission").mkdir(parents=True)
    (tmp_path / "code" / "submission" / "planted.py").touch()
    assert not (copied(code, (), tmp_path / "code", None) / "planted.py").exists()


def test_a_link_out_of_a_plug_in_is_not_followed(code: Path, tmp_path: Path) -> None:
    os.symlink(tmp_path / "secret", code / "secret")
    with pytest.raises(CardError, match="leads out of the plug-in's folder"):
        copied(code, (), tmp_path / "code", None)
