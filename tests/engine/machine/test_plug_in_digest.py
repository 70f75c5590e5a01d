"""The digest of a plug-in covers every file that it can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gexbench import bench
from gexbench.engine.machine import plug_in_digest as module
from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files
from gexbench.errors import CardError
from gexbench.plan import Request

CARD = '[attack]\nname = "me/mine"\nsummary = "Mine."\nentry = "mine:Mine"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A submission: card, code, a table and weights in a folder of their own."""
    made = tmp_path / "mine"
    (made / "data").mkdir(parents=True)
    (made / "card.toml").write_text(CARD)
    (made / "mine.py").write_text("class Mine: ...\n")
    (made / "table.txt").write_text("1 2 3\n")
    (made / "data" / "weights.bin").write_bytes(b"\0\1")
    return made


def digest(folder: Path) -> str:
    return plug_in_digest(folder, plug_in_files(folder, (folder / "card.toml",)))


@pytest.mark.parametrize(
    "name", ["mine.py", "table.txt", "data/weights.bin", "new", "data/.hidden", "__pycache__/table"]
)
def test_any_file_changes_it(folder: Path, name: str) -> None:
    before = digest(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    with (folder / name).open("a") as stream:
        stream.write("more\n")
    assert digest(folder) != before


def test_a_file_under_another_name_changes_it(folder: Path) -> None:
    before = digest(folder)
    (folder / "table.txt").rename(folder / "tables.txt")
    assert digest(folder) != before


@pytest.mark.parametrize(
    "name", ["card.toml", "__pycache__/mine.cpython-311.pyc", "data/__pycache__/x.pyc", ".git/HEAD"]
)
def test_neither_the_card_nor_what_tools_make_counts(folder: Path, name: str) -> None:
    before = digest(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("# another\n")
    assert digest(folder) == before


def test_it_does_not_depend_on_where_the_folder_lies_or_on_who_made_it_when(folder: Path, tmp_path: Path) -> None:
    before = digest(folder)
    os.utime(folder / "table.txt", (0, 0))
    (folder / "mine.py").chmod(0o755)
    assert digest(folder.rename(tmp_path / "moved")) == before


def test_a_single_file_is_a_plug_in_alone(tmp_path: Path) -> None:
    file = tmp_path / "single.py"
    file.write_text("class Single: ...\n")
    before = plug_in_digest(file, plug_in_files(file))
    (tmp_path / "other.py").write_text("another package's\n")
    assert plug_in_digest(file, plug_in_files(file)) == before
    file.write_text("class Single:\n    x = 1\n")
    assert plug_in_digest(file, plug_in_files(file)) != before


def test_a_link_inside_counts_as_what_it_leads_to(folder: Path) -> None:
    (folder / "link.txt").symlink_to("table.txt")
    (folder / "more").symlink_to("data")
    (folder / "data" / "up").symlink_to("..")
    first = digest(folder)
    (folder / "table.txt").write_text("4\n")
    second = digest(folder)
    (folder / "more").unlink()
    (folder / "more").symlink_to("data/..")
    assert len({first, second, digest(folder)}) == 3


@pytest.mark.parametrize("target", ["../elsewhere.txt", "/etc/hosts", "../mine-too", ".git"])
def test_a_link_that_leads_out_is_refused(folder: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "elsewhere.txt").write_text("not hashed\n")
    (tmp_path / "mine-too").mkdir()
    (folder / ".git").mkdir()
    (folder / "link").symlink_to(target)
    with pytest.raises(CardError, match=r"mine/link leads out of the plug-in's folder, to /.*"):
        plug_in_files(folder)


def test_what_is_no_file_is_refused_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(CardError, match="mine/pipe is neither a file nor a folder"):
        plug_in_files(folder)


@pytest.mark.parametrize("target", ["nowhere", "link"])
def test_a_link_to_nothing_or_to_itself_is_refused(folder: Path, target: str) -> None:
    (folder / "link").symlink_to(target)
    with pytest.raises(CardError, match="mine/link is neither a file nor a folder"):
        plug_in_files(folder)


def test_a_folder_of_too_many_or_too_large_files_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "large").touch()
    os.truncate(folder / "large", 1 << 31)  # holes: it takes no space
    with pytest.raises(CardError, match="mine holds more than 1 GiB"):
        plug_in_files(folder)
    monkeypatch.setattr(module, "MOST_FILES", 2)
    (folder / "large").unlink()
    with pytest.raises(CardError, match="mine holds more than 2 files"):
        plug_in_files(folder)


def test_a_plan_of_a_submission_changes_with_its_data_and_not_with_runs_beside_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    first = bench.prepare(Request("sr", "."))[1]
    (folder / "runs" / "a").mkdir(parents=True)
    (folder / "runs" / "a" / "plan.json").write_text("{}")
    assert bench.prepare(Request("sr", "."))[1].id == first.id
    (folder / "table.txt").write_text("4\n")
    second = bench.prepare(Request("sr", "."))[1]
    assert (second.plug_ins == first.plug_ins, second.id == first.id, second.code == first.code) == (False, False, True)
