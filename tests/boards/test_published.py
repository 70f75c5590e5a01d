from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gexbench.boards import published
from gexbench.boards.published import published_root, read_root
from gexbench.errors import BoardError

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = REPOSITORY / "leaderboards"


def test_without_a_folder_the_published_boards_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_root(None) == SHIPPED
    Path("leaderboards").mkdir()
    assert read_root(None) == Path("leaderboards")


def test_a_folder_that_is_named_must_be_there(tmp_path: Path) -> None:
    assert read_root(tmp_path) == tmp_path
    with pytest.raises(BoardError, match=r"there is no folder .*nope") as refused:
        read_root(tmp_path / "nope")
    assert "--dir" in refused.value.hint


def test_an_installed_package_has_its_boards_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "__file__", str(tmp_path / "gexbench" / "boards" / "published.py"))
    with pytest.raises(BoardError, match="installed without its boards"):
        published_root()
    inside = tmp_path / "gexbench" / "_leaderboards"
    inside.mkdir(parents=True)
    assert published_root() == inside


def test_a_wheel_holds_whatever_a_board_is_made_of() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    held = {path for pattern in wheel["include"] for path in REPOSITORY.glob(pattern.strip("/"))}
    assert {SHIPPED / "MAINTAINERS", *SHIPPED.glob("*/records"), *SHIPPED.glob("*/verified.txt")} <= held
    assert wheel["sources"]["leaderboards"] == "gexbench/_leaderboards"
