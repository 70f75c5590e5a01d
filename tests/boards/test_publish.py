from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from record_factory import Records, save

from gexbench.boards.folder import BoardFolder, add
from gexbench.boards.publish import as_json, build, folders, open_board, pages
from gexbench.errors import BoardError, CardError


@pytest.fixture
def root(records: Records, tmp_path: Path) -> Path:
    """Return a folder of boards with a few records."""
    runs = [*records.seeds((27.0, 27.1, 27.2)), records.make("victim"), *records.seeds((25.0, 25.1), defense="jpeg")]
    add([save(run, tmp_path / "runs") for run in runs], tmp_path / "boards", records.catalog)
    return tmp_path / "boards"


def one(records: Records, root: Path) -> list[BoardFolder]:
    return folders("sr", root, records.catalog)


def test_build_writes_a_page_and_a_csv(records: Records, root: Path) -> None:
    built = build(one(records, root), records.catalog, check=False)
    assert [(page.path.name, page.fresh) for page in built] == [("README.md", False), ("sr.csv", False)]
    assert (root / "sr" / "README.md").read_text(encoding="utf-8").startswith("# Leaderboard sr@1\n")


def test_the_same_records_give_the_same_bytes(records: Records, root: Path, tmp_path: Path) -> None:
    first = pages(open_board(one(records, root)[0], records.catalog))
    folder = root / "sr" / "records"
    for path in sorted(folder.iterdir(), reverse=True):
        path.rename(folder / f"renamed-{path.name[::-1].removeprefix('nosj.')}.json")
    assert pages(open_board(one(records, root)[0], records.catalog)) == first


def test_a_second_build_writes_nothing(records: Records, root: Path) -> None:
    build(one(records, root), records.catalog, check=False)
    assert all(page.fresh for page in build(one(records, root), records.catalog, check=False))


def test_check_passes_on_fresh_pages_and_names_those_that_are_not(records: Records, root: Path) -> None:
    with pytest.raises(BoardError, match=r"README\.md.*sr\.csv"):
        build(one(records, root), records.catalog, check=True)
    assert not (root / "sr" / "README.md").exists()
    build(one(records, root), records.catalog, check=False)
    assert all(page.fresh for page in build(one(records, root), records.catalog, check=True))
    (root / "sr" / "sr.csv").write_text("edited", encoding="utf-8")
    with pytest.raises(BoardError, match=r"records give: [^,]*sr\.csv(\n|$)"):
        build(one(records, root), records.catalog, check=True)


def test_a_new_record_makes_the_pages_stale(records: Records, root: Path, tmp_path: Path) -> None:
    build(one(records, root), records.catalog, check=False)
    add([save(records.make("copycat"), tmp_path / "runs")], root, records.catalog)
    with pytest.raises(BoardError, match="not what its records give"):
        build(one(records, root), records.catalog, check=True)


def test_pages_hold_no_time_and_no_place(records: Records, root: Path) -> None:
    for text in pages(open_board(one(records, root)[0], records.catalog)).values():
        assert "2026" not in text
        assert str(root) not in text


def test_all_boards_with_records_are_found(records: Records, root: Path) -> None:
    assert [folder.card.name for folder in folders(None, root, records.catalog)] == ["sr"]


def test_a_board_nobody_declared_is_refused(records: Records, root: Path) -> None:
    (root / "so" / "records").mkdir(parents=True)
    with pytest.raises(CardError, match="no board named 'so'"):
        folders(None, root, records.catalog)


def test_where_there_is_no_board_the_message_says_how_to_begin(records: Records, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="holds no board") as refused:
        folders(None, tmp_path / "nothing", records.catalog)
    assert "board add" in refused.value.hint


def test_no_board_is_built_in_a_folder_that_is_not_there(records: Records, tmp_path: Path) -> None:
    chosen = folders("sr", tmp_path / "nope", records.catalog)
    for check in (True, False):
        with pytest.raises(BoardError, match=r"there is no folder .*nope"):
            build(chosen, records.catalog, check)
    assert not (tmp_path / "nope").exists()


def test_a_board_without_records_can_be_built(records: Records, tmp_path: Path) -> None:
    text = pages(open_board(one(records, tmp_path)[0], records.catalog))["README.md"]
    assert "No records yet" in text
    assert "Reported elsewhere" in text


def test_json_holds_scores_defenses_and_reported_rows(records: Records, root: Path, tmp_path: Path) -> None:
    add([save(records.make("copycat", b=math.inf), tmp_path / "runs")], root, records.catalog)
    found = as_json(open_board(one(records, root)[0], records.catalog))
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found
    assert found["defenses"][0]["difference"] == pytest.approx(-2.0)  # of the two seeds that both have
    assert found["fronts"][0]["honest"] == found["defenses"][0]["honest"]
    assert found["defenses"][0]["honest"] == {"lpips-alex": 0.05}
    assert found["reported"][0]["rows"][0]["attack"] == "theirs"
    assert "Infinity" in {row["mean"] for row in found["scores"]}
