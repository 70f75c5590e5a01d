from __future__ import annotations

import re

import pytest

from gexbench.boards.publish import folders, open_board
from gexbench.boards.published import published_root
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog, check
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import TaskCard
from gexbench.errors import CardError


@pytest.fixture
def catalog() -> Catalog:
    return Catalog((packaged_root(),))


def test_every_board_takes_a_task_that_exists_and_shows_what_it_measures(catalog: Catalog) -> None:
    for filed in catalog.all(BoardCard).values():
        name, _, version = filed.card.task.rpartition("@")
        task = catalog.get(TaskCard, name)
        assert (task.version > int(version)) if filed.card.frozen else (task.version == int(version))
        assert {*filed.card.since, *filed.card.notes} <= task.profile.keys()
        shown = {column.metric for column in filed.card.columns}
        assert shown <= {metric for profile in task.profile for metric in task.metrics_at(profile)}


def test_the_papers_table_5_is_quoted_in_full(catalog: Catalog) -> None:
    reported = catalog.get(BoardCard, "sr").reported[0]
    assert "2104.12623" in reported.source
    assert any("219" in trap and "294" in trap for trap in reported.traps)
    assert {(row.test, row.metric) for row in reported.rows} == {
        (test, metric) for test in ("DIV2K test", "SRBenchmark") for metric in ("PSNR, dB", "SSIM")
    }
    for row in reported.rows:
        assert set(row.values) == {"A", "B", "C"}
        assert all(re.fullmatch(r"\d+\.\d\d ± \d+\.\d\d", text) for text in row.values.values())


def test_a_reported_value_of_no_comparison_is_refused(catalog: Catalog) -> None:
    filed = catalog.filed(BoardCard, "sr")
    row = {"attack": "x", "test": "y", "metric": "z", "values": {"D": "1"}}
    table = {**filed.card.model_dump(exclude={"reported"}), "reported": [{"title": "t", "source": "s", "rows": [row]}]}
    with pytest.raises(CardError, match="'A', 'B' or 'C'"):
        check(BoardCard, table, filed.path)


def test_every_row_of_a_published_board_leads_to_records_that_lie_there(catalog: Catalog) -> None:
    for folder in folders(None, published_root(), catalog):
        board = open_board(folder, catalog)
        places = [link.place for table in board.tables for row in table.rows for link in row.links]
        assert len(places) == len(set(places)) == len(list((folder.folder / "records").glob("*.json")))
        assert all((folder.folder / place).is_file() for place in places), folder.card.name
