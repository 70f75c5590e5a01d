from __future__ import annotations

import json
from pathlib import Path

import pytest
from record_factory import Records, save

from gexbench.boards.incoming import incoming
from gexbench.errors import BoardError


@pytest.fixture
def runs(records: Records, tmp_path: Path) -> Path:
    """Return a folder with a run, an unfinished one, a picture, a plan and an empty folder."""
    folder = save(records.make(), tmp_path / "runs").parent
    (folder / "unfinished").mkdir()
    (folder / "unfinished" / "plan.json").write_text("{}")
    (folder / "empty").mkdir()
    (folder / "curve.png").write_bytes(b"\x89PNG")
    (folder / "plan.json").write_text('{"task": "sr"}')
    return folder


def test_what_is_no_record_is_named_in_a_line_each(runs: Path) -> None:
    found = incoming(sorted(runs.iterdir()))
    assert [path.name for path in found.records] == ["sr-srresnet-mini-b100-s0-" + found.records[0].name[-8:]]
    assert [line.removeprefix(f"{runs}/") for line in found.skipped] == [
        "curve.png: no record",
        "empty: no run folder",
        "plan.json: no record",
        "unfinished: its run is not finished",
    ]


def test_a_pattern_is_what_it_matches_and_a_place_with_such_signs_is_itself(runs: Path) -> None:
    assert incoming([runs / "*"]) == incoming(sorted(runs.iterdir()))
    odd = runs.parent / "runs [1]"
    odd.mkdir()
    (odd / "record.json").write_text("{}")
    assert incoming([odd]).records == (odd,)


def test_a_place_that_is_named_twice_counts_once(runs: Path) -> None:
    assert incoming([runs / "*", runs / "sr-*"]) == incoming([runs / "*"])


@pytest.mark.parametrize("content", ["", "[]", "{", json.dumps({"seal": ""})])
def test_a_broken_record_is_not_skipped(tmp_path: Path, content: str) -> None:
    (tmp_path / "record.json").write_text(content)
    assert incoming([tmp_path]).records == (tmp_path,)


def test_a_record_under_another_name_is_known_by_its_seal(runs: Path) -> None:
    (run,) = runs.glob("sr-*")
    other = (run / "record.json").rename(runs / "mine.json")
    assert incoming([other]).records == (other,)


@pytest.mark.parametrize("name", ["run-1", "nothing-*"])
def test_what_is_not_there_is_refused(runs: Path, name: str) -> None:
    with pytest.raises(BoardError, match="nothing lies at") as refused:
        incoming([runs / "sr-*", runs / name])
    assert "record.json" in refused.value.hint


def test_where_nothing_is_a_record_each_is_named(runs: Path) -> None:
    with pytest.raises(BoardError, match=r"none of this is a record:\n  .*empty: no run folder\n  .*curve\.png: no"):
        incoming([runs / "empty", runs / "curve.png"])
