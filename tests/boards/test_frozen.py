"""The board of an earlier version of a task stays as it was when a later version comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import Records, changed, save

from gexbench.boards.citation import digest
from gexbench.boards.folder import add
from gexbench.boards.publish import folders, open_board, pages
from gexbench.boards.retired import retire
from gexbench.errors import BoardError
from gexbench.site.build import pages as site_pages
from gexbench.site.source import open_source

from .test_retired import DAY


@pytest.fixture
def root(records: Records, tmp_path: Path) -> Path:
    """Return boards after sr@2 came, which measures in another way: what was sr's lies in sr-1, frozen."""
    root = tmp_path / "boards"
    add([save(run, tmp_path / "runs") for run in records.seeds((27.0, 27.1, 27.2))], root, records.catalog)
    before = pages(open_board(folders("sr", root, records.catalog)[0], records.catalog))
    (tmp_path / "before.md").write_text(before["README.md"], encoding="utf-8")
    go_on(records, root, digest(open_board(folders("sr", root, records.catalog)[0], records.catalog)))
    return root


def go_on(records: Records, root: Path, frozen: str) -> None:
    """Let sr be of version 2 and its board be frozen under another name, as docs/submitting.md says."""
    task, board = (records.folder / f"{place}/sr.toml" for place in ("tasks", "boards"))
    first = board.read_text(encoding="utf-8")
    old = first.replace('name = "sr"', f'name = "sr-1"\n        frozen = "{frozen}"')
    (board.parent / "sr-1.toml").write_text(old, encoding="utf-8")
    board.write_text(first.replace("sr@1", "sr@2"), encoding="utf-8")
    text = task.read_text(encoding="utf-8").replace("price = 0.01", "price = 0.5\n        version = 2")
    task.write_text(text.replace('metric = "psnr-y", compare = "B"', 'metric = "lpips-alex", compare = "B"'), "utf-8")
    metric = records.folder / "metrics/psnr-y.toml"
    metric.write_text(metric.read_text(encoding="utf-8").replace("crop = 4", "crop = 0, more = 1"), encoding="utf-8")
    (root / "sr").rename(root / "sr-1")


def test_a_frozen_board_shows_what_it_showed(records: Records, root: Path, tmp_path: Path) -> None:
    (board,) = folders(None, root, records.catalog)
    after = pages(open_board(board, records.catalog))["README.md"]
    assert after == (tmp_path / "before.md").read_text(encoding="utf-8")
    assert "# Leaderboard sr@1" in after


def test_records_of_the_later_version_go_to_the_board_that_is_not_frozen(
    records: Records, root: Path, tmp_path: Path
) -> None:
    (written,) = add([save(records.make(), tmp_path / "new")], root, records.catalog).written
    assert written.parents[1] == root / "sr"
    assert [board.card.name for board in folders(None, root, records.catalog)] == ["sr", "sr-1"]
    made = dict(site_pages(open_source(root, records.catalog)))
    assert {"boards/sr.html", "boards/sr-1.html"} <= made.keys()


def test_a_frozen_board_takes_no_record(records: Records, root: Path, tmp_path: Path) -> None:
    old = changed(records.make(), "plan.task.version", 1)
    with pytest.raises(BoardError, match="the board 'sr-1' is frozen and takes no more records"):
        add([save(old, tmp_path / "late")], root, records.catalog)


def test_a_frozen_board_holds_the_records_that_its_card_names_and_no_others(records: Records, root: Path) -> None:
    folder = folders("sr-1", root, records.catalog)[0]
    file = min((folder.folder / "records").glob("*.json"))
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(BoardError, match=r"the board 'sr-1' is frozen with the records of digest \w{64}, and those in"):
        folder.read(records.catalog)
    file.write_bytes(content)
    late = changed(records.make(seed=3), "plan.task.version", 1)
    folder.place(late).write_text(late.model_dump_json(), encoding="utf-8")
    with pytest.raises(BoardError, match=r"(is frozen with the records|differ|is not the one)"):
        folder.read(records.catalog)


def test_a_record_of_a_frozen_board_can_still_be_withdrawn(records: Records, root: Path) -> None:
    folder = folders("sr-1", root, records.catalog)[0]
    retire(min((folder.folder / "records").glob("*.json")), "withdrawn", "why", None, DAY)
    made = open_board(folder, records.catalog)
    assert (len(made.records), len(made.retired)) == (2, 1)
