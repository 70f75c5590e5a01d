"""What was withdrawn or superseded stays on its board, marked, and counts for nothing any more."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from record_factory import Records, save
from typer.testing import CliRunner

from gexbench.boards.folder import BoardFolder, add
from gexbench.boards.latex import to_latex
from gexbench.boards.markdown import to_markdown
from gexbench.boards.publish import as_json, build, folders, open_board, pages
from gexbench.boards.rank import Board
from gexbench.boards.render import to_html
from gexbench.boards.retired import RETIRED, State, retire
from gexbench.boards.sections import page
from gexbench.cli.app import app
from gexbench.errors import BoardError
from gexbench.record import read_record

DAY = date(2026, 12, 1)


@pytest.fixture
def board(records: Records, tmp_path: Path) -> BoardFolder:
    """Return a board with three seeds of a row."""
    runs = [save(run, tmp_path / "runs") for run in records.seeds((27.0, 27.1, 27.2))]
    add(runs, tmp_path / "boards", records.catalog)
    return folders("sr", tmp_path / "boards", records.catalog)[0]


def seed(board: BoardFolder, number: int) -> Path:
    (file,) = (board.folder / "records").glob(f"*-s{number}-*.json")
    return file


def opened(board: BoardFolder, records: Records) -> Board:
    return open_board(board, records.catalog)


def test_a_withdrawn_record_leaves_its_row_and_stays_on_the_page(board: BoardFolder, records: Records) -> None:
    before, file = opened(board, records), seed(board, 1)
    content = file.read_bytes()
    place = retire(file, "withdrawn", "its pool held test images", None, DAY)
    after = opened(board, records)
    assert (place.parent.name, place.read_bytes(), file.exists()) == (RETIRED, content, False)
    assert before.tables[0].rows[0].rank == 1
    assert (after.tables[0].rows[0].seeds, after.tables[0].rows[0].rank) == ((0, 2), None)
    text = to_markdown(page(after))
    assert "## Withdrawn and superseded" in text
    assert "its pool held test images" in text.partition("## Withdrawn and superseded")[2]
    assert "Withdrawn" not in to_markdown(page(before))
    assert all("its pool held test images" in form(page(after)) for form in (to_html, to_latex))
    (told,) = as_json(after)["retired"]
    assert (told["record"], told["state"], told["since"]) == (place.stem, "withdrawn", "2026-12-01")


def test_a_superseded_record_names_the_one_that_stands_for_it(
    board: BoardFolder, records: Records, tmp_path: Path
) -> None:
    older = seed(board, 0)
    newer = add([save(records.make(settings=("steps=9",)), tmp_path / "runs")], board.root, records.catalog).written[0]
    retire(older, "superseded", "trained longer", newer, DAY)
    (each,) = opened(board, records).retired
    assert (each.note.state, each.note.by) == ("superseded", newer.stem)
    assert newer.stem in to_markdown(page(opened(board, records)))


def test_a_row_takes_another_record_in_the_place_of_one_withdrawn_even_of_the_same_run(
    board: BoardFolder, records: Records, tmp_path: Path
) -> None:
    for value in (27.5, 27.6):
        gone = retire(seed(board, 1), "withdrawn", "a broken disk", None, DAY)
        again = save(records.make(b=value, seed=1), tmp_path / f"again-{value}")
        add([again], board.root, records.catalog)
    assert opened(board, records).tables[0].rows[0].seeds == (0, 1, 2)
    assert len({each.path for each in opened(board, records).retired}) == 2
    assert gone.stem.endswith(read_record(gone).seal[:8])


def test_a_withdrawn_record_is_not_added_again(board: BoardFolder, records: Records, tmp_path: Path) -> None:
    retire(seed(board, 1), "withdrawn", "its pool held test images", None, DAY)
    run = save(records.make(b=27.1, seed=1), tmp_path / "runs")
    with pytest.raises(BoardError, match="it was withdrawn on 2026-12-01: its pool held test images"):
        add([run], board.root, records.catalog)


def test_a_withdrawn_record_put_back_by_hand_is_refused(board: BoardFolder, records: Records) -> None:
    file = seed(board, 1)
    content = file.read_bytes()
    retire(file, "withdrawn", "its pool held test images", None, DAY)
    file.write_bytes(content)
    with pytest.raises(BoardError, match="it was withdrawn on"):
        opened(board, records)


def test_a_retired_record_that_was_changed_is_refused(board: BoardFolder, records: Records) -> None:
    place = retire(seed(board, 1), "withdrawn", "why", None, DAY)
    place.write_text(place.read_text(encoding="utf-8").replace("27.1", "28.1"), encoding="utf-8")
    with pytest.raises(BoardError, match="changed after it was written"):
        opened(board, records)


BROKEN = {
    "nothing": "state: Field required",
    'state = "withdrawn"\nsince = 2026-12-01\nreason = ""\n': "reason: .* should have at least 1",
    'state = "verified"\nsince = 2026-12-01\nreason = "x"\n': "state: Input should be 'withdrawn' or 'superseded'",
    'state = "withdrawn"\nsince = "soon"\nreason = "x"\n': "since: ",
    'state = "withdrawn"\nsince = 2026-12-01\nreason = "x"\nby = "a"\n': "what is superseded, and nothing else",
    'state = "superseded"\nsince = 2026-12-01\nreason = "x"\n': "what is superseded, and nothing else",
    'state = "superseded"\nsince = 2026-12-01\nreason = "x"\nby = "../a"\n': "by: String should match",
    'state = "superseded"\nsince = 2026-12-01\nreason = "x"\nby = "a"\n': "superseded by a, which is no record here",
    'state = "withdrawn"\nsince = 2026-12-01\nreason = "\\u001b[31m"\n': "is invisible",
    "\x1b[31m": "is not valid TOML",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_note_that_is_none_is_refused_in_a_line(board: BoardFolder, records: Records, text: str) -> None:
    note = retire(seed(board, 1), "withdrawn", "why", None, DAY).with_suffix(".toml")
    note.write_text("" if text == "nothing" else text, encoding="utf-8")
    with pytest.raises(BoardError, match=BROKEN[text]) as refused:
        opened(board, records)
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_a_record_and_its_note_go_together(board: BoardFolder, records: Records) -> None:
    place = retire(seed(board, 1), "withdrawn", "why", None, DAY)
    note, content = place.with_suffix(".toml"), place.read_bytes()
    place.unlink()
    with pytest.raises(BoardError, match=r"\.toml is of no record"):
        opened(board, records)
    place.write_bytes(content)
    note.unlink()
    with pytest.raises(BoardError, match=r"cannot read .*\.toml"):
        opened(board, records)


@pytest.mark.parametrize(("state", "reason"), [("superseded", "why"), ("withdrawn", ""), ("withdrawn", "a\nb")])
def test_nothing_is_moved_where_the_note_would_be_none(board: BoardFolder, state: State, reason: str) -> None:
    file = seed(board, 1)
    with pytest.raises(BoardError):
        retire(file, state, reason, None, DAY)
    assert file.exists()
    assert not (board.folder / RETIRED).exists()


def test_only_what_lies_on_a_board_is_retired(board: BoardFolder, records: Records, tmp_path: Path) -> None:
    run = save(records.make(), tmp_path / "runs") / "record.json"
    with pytest.raises(BoardError, match="is no record of the board"):
        retire(run, "withdrawn", "why", None, DAY)
    with pytest.raises(BoardError, match="is no record of the board"):
        retire(seed(board, 1), "superseded", "why", run, DAY)


def test_a_board_of_retired_records_alone_is_still_built(board: BoardFolder, records: Records) -> None:
    for number in range(3):
        retire(seed(board, number), "withdrawn", "why", None, DAY)
    (board.folder / "records").rmdir()
    (found,) = folders(None, board.root, records.catalog)
    assert "Withdrawn and superseded" in pages(opened(found, records))["README.md"]


def test_what_was_retired_is_shown_of_the_chosen_profile_alone(board: BoardFolder, records: Records) -> None:
    retire(seed(board, 1), "withdrawn", "why", None, DAY)
    assert len(opened(board, records).only("mini").retired) == 1


def test_the_command_retires_a_record_and_the_page_is_then_built_anew(board: BoardFolder, records: Records) -> None:
    build([board], records.catalog, check=False)
    words = ["board", "retire", str(seed(board, 1)), "--state", "withdrawn", "--reason", "why"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert "retired" in done.stdout
    with pytest.raises(BoardError, match="not what its records give"):
        build([board], records.catalog, check=True)
