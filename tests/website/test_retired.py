"""A record that was withdrawn keeps its page, which says so, unless another has its name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from record_factory import Records, save
from site_reader import read

from gexbench.boards.folder import add
from gexbench.boards.retired import retire
from gexbench.record import read_record
from gexbench.site.build import pages
from gexbench.site.source import open_source

DAY = date(2026, 12, 1)


@pytest.fixture
def boards(records: Records, tmp_path: Path) -> Path:
    add([save(run, tmp_path / "runs") for run in records.seeds((27.0, 27.1))], tmp_path / "boards", records.catalog)
    return tmp_path / "boards"


def site(records: Records, boards: Path) -> dict[str, bytes]:
    return dict(pages(open_source(boards, records.catalog)))


def first(boards: Path) -> Path:
    return min((boards / "sr" / "records").glob("*-s0-*.json"))


def test_a_withdrawn_record_keeps_its_page_and_its_file_and_both_are_found_from_the_board(
    records: Records, boards: Path
) -> None:
    before, file = site(records, boards), first(boards)
    retire(file, "withdrawn", "<b>its pool</b> held test images", None, DAY)
    after = site(records, boards)
    page = f"records/{file.stem}.html"
    assert after[f"records/{file.stem}.json"] == before[f"records/{file.stem}.json"]
    assert b"Withdrawn on 2026-12-01" in after[page]
    assert b"&lt;b&gt;its pool&lt;/b&gt; held test images" in after[page]
    assert f"leaderboards/sr/retired/{file.stem}.json" in after[page].decode()
    assert b"Withdrawn" not in before[page]
    assert f"../{page}" in after["boards/sr.html"].decode()
    assert "Withdrawn and superseded" in read(after["boards/sr.html"].decode()).words


def test_what_stands_in_its_place_has_the_name_and_is_linked(records: Records, boards: Path, tmp_path: Path) -> None:
    file = first(boards)
    gone = retire(file, "withdrawn", "a broken disk", None, DAY)
    add([save(records.make(b=27.5), tmp_path / "again")], boards, records.catalog)
    made = site(records, boards)
    known = f"records/{file.stem}-{read_record(gone).seal[:8]}"
    assert b"Withdrawn on" not in made[f"records/{file.stem}.html"]
    assert b"Withdrawn on" in made[f"{known}.html"]
    assert made[f"{known}.json"] == gone.read_bytes()


def test_of_two_that_were_withdrawn_under_one_name_each_has_its_page(
    records: Records, boards: Path, tmp_path: Path
) -> None:
    retire(first(boards), "withdrawn", "a broken disk", None, DAY)
    add([save(records.make(b=27.5), tmp_path / "again")], boards, records.catalog)
    retire(first(boards), "withdrawn", "a broken fan", None, DAY)
    made = [content for place, content in site(records, boards).items() if place.endswith(".html")]
    assert [sum(why in page and b"Withdrawn on" in page for page in made) for why in (b"disk", b"fan")] == [1, 1]


def test_a_superseded_record_leads_to_the_one_that_stands_for_it(
    records: Records, boards: Path, tmp_path: Path
) -> None:
    file = first(boards)
    (newer,) = add([save(records.make(settings=("steps=9",)), tmp_path / "new")], boards, records.catalog).written
    retire(file, "superseded", "trained longer", newer, DAY)
    made = site(records, boards)
    for page in (f"records/{file.stem}.html", "boards/sr.html"):
        assert f'href="../records/{newer.stem}.html"' in made[page].decode()
