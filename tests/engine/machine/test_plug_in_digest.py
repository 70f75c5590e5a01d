"""The digest of a plug-in covers every file that it can read."""

from __future__ import annotations

import base64
import hashlib
import os
import random
from pathlib import Path
from typing import Any

import pytest

from gexbench import bench
from gexbench.cards.schema import BundledFile
from gexbench.engine.machine import plug_in_digest as module
from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files, refuse_unnamed
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


def card_with(folder: Path, *names: str) -> list[BundledFile]:
    return [
        BundledFile(file=name, size=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        for name in names
        if (path := folder / name)
    ]


def refuse(folder: Path, named: list[BundledFile]) -> None:
    refuse_unnamed(folder, plug_in_files(folder, (folder / "card.toml",)), named)


def test_a_large_file_is_refused_unless_the_card_names_it_with_size_and_hash(folder: Path) -> None:
    refuse(folder, [])
    (folder / "data" / "weights.bin").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(CardError, match=r"weights\.bin takes more than 1 MiB and is not on the card") as refused:
        refuse(folder, [])
    named = card_with(folder, "data/weights.bin")
    assert f'{{ file = "data/weights.bin", size = 1048577, sha256 = "{named[0].sha256}" }}' in refused.value.hint
    refuse(folder, named)


@pytest.mark.parametrize("wrong", [{"size": 3}, {"sha256": "0" * 64}, {"file": "data/other.bin"}])
def test_a_file_that_is_not_what_the_card_says_is_refused(folder: Path, wrong: dict[str, Any]) -> None:
    named = [each.model_copy(update=wrong) for each in card_with(folder, "data/weights.bin")]
    with pytest.raises(CardError, match="on the card is not the file in"):
        refuse(folder, named)


@pytest.mark.parametrize("ending", ["bin", "py"])
def test_many_small_files_of_what_is_no_code_are_refused_as_a_large_one(folder: Path, ending: str) -> None:
    """Numbers written out as text are no code either: what counts is what they compress to."""
    draw = random.Random(0)
    for number in range(9):
        content = draw.randbytes(200_000)
        (folder / f"part{number}.{ending}").write_bytes(content if ending == "bin" else base64.b64encode(content))
    with pytest.raises(CardError, match="holds more than 1 MiB, compressed, that is not on the card"):
        refuse(folder, [])
    refuse(folder, card_with(folder, *(f"part{number}.{ending}" for number in range(9))))


def test_much_code_is_no_large_file(folder: Path) -> None:
    for number in range(40):
        (folder / f"part{number}.py").write_text("def something(x: int) -> int:\n    return x + 1\n\n\n" * 2000)
    refuse(folder, [])


def test_a_plug_in_with_a_large_file_is_refused_while_it_is_planned(folder: Path) -> None:
    (folder / "data" / "weights.bin").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(CardError, match="is not on the card"):
        bench.prepare(Request("sr", str(folder)))
    (named,) = card_with(folder, "data/weights.bin")
    line = f'files = [{{ file = "data/weights.bin", size = {named.size}, sha256 = "{named.sha256}" }}]\n'
    (folder / "card.toml").write_text(CARD + line)
    _, planned = bench.prepare(Request("sr", str(folder)))
    assert planned.attack.files == (named,)
