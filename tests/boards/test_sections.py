from __future__ import annotations

import math
from dataclasses import replace

from record_factory import Records, changed

from boards.conftest import MakeBoard
from gexbench.boards.flat import long_rows
from gexbench.boards.rank import Board
from gexbench.boards.sections import page
from gexbench.boards.sheet import Sheet
from gexbench.cards.schema import Main


def sheet(board: Board, title: str) -> Sheet:
    return next(sheet for sheet in page(board).sheets if sheet.title.startswith(title))


def cells(found: Sheet, row: int = 0) -> dict[str, str]:
    return dict(zip([column.title for column in found.columns], found.rows[row], strict=True))


def test_the_first_table_shows_rank_means_and_splits(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((26.0, 27.0, 28.0), c=25.0))
    found = sheet(board, "mini, 100 queries (the ranked budget), no defense")
    assert cells(found) == {
        "rank": "1",
        "attack": "srresnet",
        "B": "26.5 ± 1.0",
        "95 % CI of B": "24.0 … 29.0",
        "seeds": "3",
        "queries": "100",
        "USD": "1.00",
        "B set5": "27.0 ± 1.0",
        "B set14": "26.0 ± 1.0",
        "C set5": "25.00",
        "C set14": "24.00",
        "status": "submitted",
        "marks": "",
    }


def test_a_single_split_is_not_shown_twice(records: Records, board_of: MakeBoard) -> None:
    record = records.make()
    one = {name: files for name, files in record.plan.dataset.splits.test.items() if name == "set5"}
    alone = changed(record, "plan.dataset.splits.test", one)
    alone = changed(alone, "scores", tuple(score for score in record.scores if score.test == "set5"))
    found = cells(sheet(board_of(alone), "mini, 100"))
    assert "B" in found
    assert "B set5" not in found


def test_a_column_that_a_profile_does_not_measure_is_left_out(records: Records, board_of: MakeBoard) -> None:
    board = board_of(records.make())
    columns = (*board.card.columns, Main(metric="figure-share", compare="B"))
    wider = replace(board, card=board.card.model_copy(update={"columns": columns}))
    assert page(wider) == page(board)


def test_the_victim_has_a_dash_for_fidelity(records: Records, board_of: MakeBoard) -> None:
    found = cells(sheet(board_of(records.make("victim")), "mini, 100"))
    assert {found[title] for title in ("rank", "B", "95 % CI of B", "B set5", "B set14")} == {"—"}
    assert found["C set5"] == "25.00"


def test_an_infinite_psnr_is_shown_as_one(records: Records, board_of: MakeBoard) -> None:
    assert cells(sheet(board_of(records.make(b=math.inf)), "mini, 100"))["B set5"] == "∞"


def test_the_profiles_section_says_how_good_the_victim_is(records: Records, board_of: MakeBoard) -> None:
    notes = " ".join(sheet(board_of(records.make()), "Profile mini").notes)
    assert "A, the victim against the truth, psnr-y, dB ↑: set5 30.00, set14 29.00." in notes
    assert "set5 (5 images), set14 (14 images)" in notes


def test_what_a_boards_card_says_of_a_profile_stands_under_its_heading(records: Records, board_of: MakeBoard) -> None:
    board = board_of(records.make(), records.make(profile="paper"))
    told = replace(board, card=board.card.model_copy(update={"notes": {"mini": ("Only five images.",)}}))
    assert sheet(told, "Profile mini").notes[-1] == "Only five images."
    assert sheet(told, "Profile paper") == sheet(board, "Profile paper")


def test_a_profile_with_records_of_an_earlier_version_says_so(records: Records, board_of: MakeBoard) -> None:
    board = board_of(records.make(), changed(records.make("copycat"), "plan.task.version", 2))
    newer = replace(board, card=board.card.model_copy(update={"task": "sr@2", "since": {"mini": 1}}))
    told = "Among the records are those of sr@1, which is the same at this profile."
    assert told in sheet(newer, "Profile mini").notes


def test_a_row_that_varies_as_processors_round_is_called_deterministic(records: Records, board_of: MakeBoard) -> None:
    found = cells(sheet(board_of(*records.seeds((27.0, 27.0001, 27.0002))), "mini, 100"))
    assert (found["B"], found["95 % CI of B"]) == ("26.50", "deterministic")
    assert "…" in cells(sheet(board_of(*records.seeds((27.0, 27.01, 27.02))), "mini, 100"))["95 % CI of B"]


def test_all_metrics_stand_in_a_folded_table(records: Records, board_of: MakeBoard) -> None:
    found = sheet(board_of(records.make()), "All metrics: mini, 100")
    assert found.folded
    assert cells(found) == {
        "attack": "srresnet",
        "test": "set5",
        "compared": "B surrogate / victim",
        "psnr-y, dB ↑": "27.00",
        "lpips-alex ↓": "0.1000",
    }


def test_a_metric_that_some_seeds_lack_says_of_how_many_it_is(records: Records, board_of: MakeBoard) -> None:
    first, second = records.seeds((27.0, 27.0))
    psnr = tuple(s for s in second.scores if s.metric == "psnr-y")
    found = sheet(board_of(first, changed(second, "scores", psnr)), "All metrics")
    assert cells(found)["lpips-alex ↓"] == "0.1000 (n=1)"


def test_columns_are_all_that_records_measured_in_the_order_of_the_newest_task_card(
    records: Records, board_of: MakeBoard
) -> None:
    old, newest = records.make(), records.make("copycat")
    psnr = tuple(s for s in old.scores if s.metric == "psnr-y")
    old = changed(changed(old, "plan.task.metrics", ("psnr-y",)), "scores", psnr)
    old = changed(old, "plan.metrics", tuple(card for card in old.plan.metrics if card.name == "psnr-y"))
    newest = changed(newest, "plan.task.version", 2)
    newest = changed(newest, "plan.task.metrics", ("lpips-alex", "psnr-y"))
    board = board_of(old, newest)
    columns = (*board.card.columns, Main(metric="lpips-alex", compare="B"))
    wide = replace(board, card=board.card.model_copy(update={"columns": columns}))
    table = sheet(wide, "mini, 100")
    first = next(place for place, row in enumerate(table.rows) if row[1] == "srresnet")
    assert cells(table, first)["B lpips-alex ↓"] == "—"
    assert cells(table, 1 - first)["B lpips-alex ↓"] == "0.1000"
    found = sheet(wide, "All metrics")
    assert [column.title for column in found.columns][3:] == ["lpips-alex ↓", "psnr-y, dB ↑"]
    measured = {row["attack"]: set[str]() for row in long_rows(wide)}
    for row in long_rows(wide):
        measured[row["attack"]].add(row["metric"])
    assert measured == {"srresnet": {"psnr-y"}, "copycat": {"psnr-y", "lpips-alex"}}


def test_every_metrics_recipe_stands_on_the_page_once(records: Records, board_of: MakeBoard) -> None:
    found = sheet(board_of(records.make(), records.make(seed=1)), "How the numbers were computed")
    assert [row[:2] for row in found.rows] == [("mini", "lpips-alex@1"), ("mini", "psnr-y@1")]


def test_reported_rows_stand_apart_with_their_source_and_traps(records: Records, board_of: MakeBoard) -> None:
    shown = page(board_of(records.make()))
    apart = shown.sheets[-1]
    assert apart.title == "Reported elsewhere, not comparable: A paper, table 5"
    assert apart.notes == ("Source: A. Author 2023.",)
    assert "219" in apart.bullets[0]
    assert apart.rows == (("theirs", "SRBenchmark", "PSNR", "—", "20.64 ± 3.33", "—"),)
    assert not any("theirs" in row for other in shown.sheets[:-1] for row in other.rows)


def test_a_board_without_records_says_so(board_of: MakeBoard) -> None:
    shown = page(board_of())
    assert "No records yet" in shown.lead[-1]
    assert [sheet.level for sheet in shown.sheets] == [2]


def test_a_profiles_own_metrics_have_their_columns_too(records: Records, board_of: MakeBoard) -> None:
    made = records.make()
    scale = made.plan.scale.model_copy(update={"extra_metrics": ("lpips-alex",)})
    made = changed(changed(made, "plan.task.metrics", ("psnr-y",)), "plan.task.profile", {"mini": scale})
    assert cells(sheet(board_of(made), "All metrics"))["lpips-alex ↓"] == "0.1000"
    assert {row["metric"] for row in long_rows(board_of(made))} == {"psnr-y", "lpips-alex"}
