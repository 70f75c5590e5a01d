"""Records as one table of scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import Records, changed, save

from gexbench.boards.frame import COLUMNS, load_records
from gexbench.errors import BoardError


def test_a_row_is_a_number_with_what_it_is_of(records: Records, tmp_path: Path) -> None:
    record = records.make(defense="jpeg", settings=("steps=5",), seed=2)
    folder = save(record, tmp_path / "runs")
    table = load_records(tmp_path / "runs")
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == len(record.scores) + len(record.honest_cost) == 14
    row = table.query("metric == 'psnr-y' and compare == 'B' and test == 'set14'").to_dict("records")
    assert row == [
        {
            "id": record.id,
            "task": "sr",
            "version": 1,
            "profile": "mini",
            "attack": "srresnet (steps=5)",
            "defense": "jpeg",
            "victim": "net",
            "budget": 100,
            "seed": 2,
            "metric": "psnr-y",
            "compare": "B",
            "test": "set14",
            "value": 26.0,
            "unit": "dB",
            "higher_is_better": True,
            "n": 14,
            "answered": 100,
            "cost_usd": 1.0,
            "isolation": "landlock",
            "status": "ok",
            "reason": "",
            "path": str(folder / "record.json"),
        }
    ]
    assert set(table.query("compare == 'honest'").metric) == {"lpips-alex"}


def test_means_over_seeds_are_one_line_of_pandas(records: Records, tmp_path: Path) -> None:
    for record in records.seeds((20.0, 21.0, 22.0)):
        save(record, tmp_path)
    table = load_records(tmp_path)
    means = table[table.metric == "psnr-y"].groupby(["attack", "defense", "compare", "test"]).value.mean()
    assert means["srresnet", "", "B", "set5"] == 21.0


def test_runs_and_boards_and_files_and_lists_of_them_are_read(records: Records, tmp_path: Path) -> None:
    run = save(records.make(), tmp_path / "runs")
    board = tmp_path / "leaderboards" / "sr" / "records"
    board.mkdir(parents=True)
    (board / "a.json").write_text(records.make(seed=1).model_dump_json(), encoding="utf-8")
    (run / "record.failed-1.json").write_text("not read", encoding="utf-8")
    (run / "plan.json").write_text("not read", encoding="utf-8")
    places = [tmp_path / "runs", run, run / "record.json", tmp_path / "leaderboards", board.parent, board]
    assert [set(load_records(place).seed) for place in places] == [{0}, {0}, {0}, {1}, {1}, {1}]
    assert set(load_records([str(tmp_path / "runs"), board]).seed) == set(load_records(tmp_path).seed) == {0, 1}


def test_a_record_in_two_places_counts_once(records: Records, tmp_path: Path) -> None:
    record = records.make()
    places = [save(record, tmp_path / name) for name in ("runs", "copies")]
    assert len(load_records(places)) == len(load_records(tmp_path)) == len(record.scores)


def test_a_failed_run_is_one_row_without_a_metric(records: Records, tmp_path: Path) -> None:
    save(changed(changed(records.make(seed=1), "scores", ()), "status", "failed"), tmp_path)
    save(records.make(), tmp_path)
    table = load_records(tmp_path)
    lost = table[table.status == "failed"]
    assert (len(lost), list(lost.seed), lost.metric.isna().all()) == (1, [1], True)
    assert table[table.metric == "psnr-y"].value.notna().all()


def test_a_record_that_cannot_be_read_is_named_or_on_request_left_out(records: Records, tmp_path: Path) -> None:
    save(records.make(), tmp_path)
    bad = save(records.make(seed=1), tmp_path) / "record.json"
    bad.write_text(bad.read_text().replace('"seed": 1', '"seed": 2'), encoding="utf-8")
    with pytest.raises(BoardError, match=str(bad)):
        load_records(tmp_path)
    with pytest.warns(UserWarning, match=str(bad)):
        assert set(load_records(tmp_path, unreadable="warn").seed) == {0}


def test_where_there_are_no_records_the_table_is_empty_and_where_there_is_no_place_it_is_named(tmp_path: Path) -> None:
    table = load_records(tmp_path)
    assert (len(table), list(table.columns)) == (0, list(COLUMNS))
    with pytest.raises(BoardError, match=r"no records at .*nowhere"):
        load_records(tmp_path / "nowhere")
