from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest
from record_factory import Records, changed

from boards.conftest import MakeBoard
from gexbench.boards.flat import ALL, FIELDS, long_rows, plain, to_csv
from gexbench.boards.rank import Board


def rows(board: Board, **where: str) -> list[dict[str, str]]:
    table = csv.DictReader(io.StringIO(to_csv(board)))
    return [row for row in table if all(row[key] == value for key, value in where.items())]


def test_the_csv_holds_mean_deviation_and_interval_as_computed_by_hand(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((26.0, 27.0, 28.0)))
    (row,) = rows(board, metric="psnr-y", compare="B", test="set5")
    half = 4.302652729911275 / math.sqrt(3)
    assert (row["mean"], row["std"], row["n"]) == ("27.000000", "1.000000", "3")
    assert (row["ci_low"], row["ci_high"]) == (f"{27 - half:.6f}", f"{27 + half:.6f}")


def test_the_mean_of_the_splits_has_a_row_of_its_own(records: Records, board_of: MakeBoard) -> None:
    (row,) = rows(board_of(*records.seeds((26.0, 27.0, 28.0))), metric="psnr-y", compare="B", test=ALL)
    assert (row["mean"], row["std"], row["images"]) == ("26.500000", "1.000000", "")


def test_every_row_says_where_it_comes_from(records: Records, board_of: MakeBoard) -> None:
    runs = records.seeds((26.0, 27.0), defense="jpeg", settings=("steps=1",))
    row = rows(board_of(*runs), metric="psnr-y", compare="C", test="set14")[0]
    assert row["records"] == ";".join(run.id for run in runs)
    assert row["seeds"] == "0;1"
    assert (row["task"], row["profile"], row["budget"], row["defense"]) == ("sr@1", "mini", "100", "jpeg")
    assert (row["attack"], row["control"], row["rank"]) == ("srresnet (steps=1)", "false", "")
    assert (row["unit"], row["higher_is_better"], row["images"]) == ("dB", "true", "14")
    assert (row["queries"], row["cost_usd"], row["status"]) == ("100.000000", "1.000000", "submitted")
    assert row["marks"] == "seeds 0, 1 of 0–2"


def test_each_attack_has_a_row_a_metric_comparison_and_split(records: Records, board_of: MakeBoard) -> None:
    assert len(rows(board_of(records.make()))) == 2 * 3 * 3
    assert len(rows(board_of(records.make("victim")), compare="B")) == 0
    assert len(rows(board_of(records.make(defense="jpeg")), compare="honest", metric="lpips-alex")) == 3


def test_an_infinite_psnr_is_written_as_one(records: Records, board_of: MakeBoard) -> None:
    board = board_of(records.make(b=math.inf))
    assert rows(board, compare="B", metric="psnr-y", test="set5")[0]["mean"] == "inf"


def test_long_rows_have_the_fields_they_promise(records: Records, board_of: MakeBoard) -> None:
    assert all(list(row) == list(FIELDS) for row in long_rows(board_of(records.make())))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ({"a": [math.inf, 1]}, {"a": ["Infinity", 1]}),
        (None, None),
    ],
)
def test_json_has_texts_for_infinite_numbers(value: Any, text: Any) -> None:
    assert plain(value) == text


def test_the_number_of_images_is_that_of_the_rows_own_split_and_the_largest_of_its_seeds(
    records: Records, board_of: MakeBoard
) -> None:
    first, second = records.seeds((26.0, 27.0))
    fewer = tuple(s.model_copy(update={"n": s.n - 1}) for s in first.scores)
    board = board_of(changed(first, "scores", fewer), second)
    assert {row["images"] for row in rows(board, test="set5")} == {"5"}
    assert {row["images"] for row in rows(board, test="set14")} == {"14"}


def test_no_cell_of_text_is_a_formula_and_negative_numbers_stay_numbers(records: Records, board_of: MakeBoard) -> None:
    record = records.make(b=-27.0)
    units = tuple(card.model_copy(update={"unit": "=dB"}) for card in record.plan.metrics)
    found = rows(board_of(changed(record, "plan.metrics", units)), metric="psnr-y", compare="B", test="set5")
    assert [(row["unit"], row["mean"]) for row in found] == [("'=dB", "-27.000000")]
