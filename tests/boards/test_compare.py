"""Two rows of a board against each other: how they are named, tested, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from record_factory import Records, changed, save

from boards.conftest import MakeBoard
from gexbench.boards.compare import Contest, Question, contest, contests, contests_of
from gexbench.boards.compare_page import as_json, compare_page
from gexbench.boards.rank import Board
from gexbench.boards.side import Number, find_side
from gexbench.errors import BoardError, GexbenchError
from gexbench.record import RunRecord

MAIN = Number("psnr-y", "B")


def compared(board: Board, a: str, b: str, margin: float | None = None, number: Number = MAIN) -> Contest:
    return contest(Question(board, "mini", number, margin), a, b)


def cells(board: Board, *found: Contest) -> str:
    page = compare_page(Question(board, "mini", MAIN), found)
    return "\n".join(" | ".join(row) for sheet in page.sheets for row in (sheet.notes, *sheet.rows))


@pytest.fixture
def runs(records: Records) -> list[RunRecord]:
    """Return two attacks, a control, and one of the attacks against a defense, at two budgets and with an option."""
    return [
        *records.seeds((27.0, 27.5, 28.0)),
        *records.seeds((26.9, 27.39, 27.91), defense="jpeg"),
        *records.seeds((26.0, 26.5, 27.0), budget="50"),
        *records.seeds((27.2, 27.4, 28.1), settings=("steps=1",)),
        *records.seeds((25.0, 25.1, 25.2), attack="copycat"),
        *records.seeds((20.0, 20.0, 20.0), attack="bicubic"),
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("srresnet", "srresnet"),
        ("srresnet at 100", "srresnet"),
        ("srresnet at 50", "srresnet at 50"),
        ("srresnet against jpeg", "srresnet against jpeg"),
        ("srresnet (steps=1)", "srresnet (steps=1)"),
        ("bicubic", "bicubic"),
    ],
)
def test_a_row_is_named_as_the_board_names_it_with_what_it_met(
    runs: list[RunRecord], board_of: MakeBoard, name: str, shown: str
) -> None:
    assert find_side(name, board_of(*runs), "mini").name == shown


def test_an_unknown_row_is_refused_with_the_nearest_names(runs: list[RunRecord], board_of: MakeBoard) -> None:
    with pytest.raises(BoardError, match="no row 'srresnet against jpg' at profile 'mini'") as refused:
        find_side("srresnet against jpg", board_of(*runs), "mini")
    assert "did you mean srresnet against jpeg" in refused.value.hint
    with pytest.raises(BoardError, match="at profile 'paper'") as refused:
        find_side("srresnet", board_of(*runs), "paper")
    assert "records are there of profile mini" in refused.value.hint


@pytest.mark.parametrize(
    ("a", "b", "way"),
    [
        ("srresnet against jpeg", "srresnet", "paired"),
        ("srresnet at 50", "srresnet", "paired"),
        ("srresnet (steps=1)", "srresnet", "welch"),
        ("copycat", "srresnet", "welch"),
    ],
)
def test_one_attack_at_two_places_is_paired_and_two_attacks_are_not(
    runs: list[RunRecord], board_of: MakeBoard, a: str, b: str, way: str
) -> None:
    assert compared(board_of(*runs), a, b).test.way == way


@pytest.mark.parametrize("key", ["processor", "libraries", "device", "precision"])
def test_seeds_that_were_run_with_something_else_are_no_pairs(records: Records, board_of: MakeBoard, key: str) -> None:
    free, defended = records.seeds((27.0, 27.5, 28.0)), records.seeds((26.9, 27.3, 27.9), defense="jpeg")
    other = {"torch": "9"} if key == "libraries" else "bf16" if key == "precision" else "other"
    defended[1] = changed(defended[1], f"provenance.{key}", other)
    found = compared(board_of(*free, *defended), "srresnet against jpeg", "srresnet")
    assert (found.test.way, found.why) == ("welch", "another processor, code or libraries at seed 1")


@pytest.mark.parametrize(
    ("changes", "way"),
    [
        ({}, "paired"),
        ({"code": "other"}, "paired"),  # a defense's code is part of the hash
        ({"code": "other", "git": "other"}, "welch"),
        ({"code": "other", "dirty": True}, "welch"),
        ({"code": "other", "package": "9.9"}, "welch"),
    ],
)
def test_against_a_defense_one_clean_commit_is_one_code(
    records: Records, board_of: MakeBoard, changes: dict[str, object], way: str
) -> None:
    defended = records.seeds((26.9, 27.3, 27.9), defense="jpeg")
    for key, value in changes.items():
        defended = [changed(run, f"provenance.{key}", value) for run in defended]
    board = board_of(*records.seeds((27.0, 27.5, 28.0)), *defended)
    assert compared(board, "srresnet against jpeg", "srresnet").test.way == way


def test_at_another_budget_the_code_is_the_same_by_its_hash(records: Records, board_of: MakeBoard) -> None:
    fewer = [changed(run, "provenance.code", "other") for run in records.seeds((26.0, 26.1, 26.3), budget="50")]
    board = board_of(*records.seeds((27.0, 27.5, 28.0)), *fewer)
    assert compared(board, "srresnet at 50", "srresnet").test.way == "welch"


def test_two_seeds_are_too_few_for_pairs(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((27.0, 27.5, 28.0)), *records.seeds((26.9, 27.3), defense="jpeg"))
    assert compared(board, "srresnet against jpeg", "srresnet").why == "2 seeds in common, and pairs need 3"


def test_what_the_scores_are_never_chooses_the_test(records: Records, board_of: MakeBoard) -> None:
    for values in ((26.9, 27.39, 27.91), (40.0, 10.0, 25.0), (27.0, 27.5, 28.0)):
        board = board_of(*records.seeds((27.0, 27.5, 28.0)), *records.seeds(values, defense="jpeg"))
        assert compared(board, "srresnet against jpeg", "srresnet").test.way == "paired"


def test_a_pair_of_one_table_is_told_apart_exactly_where_the_letters_say_so(
    runs: list[RunRecord], board_of: MakeBoard
) -> None:
    board = board_of(*runs)
    table = next(table for table in board.tables if table.headline and not table.defense)
    letters = {row.label: set(row.letters.split()) for row in table.rows}
    found = [c for c in contests(Question(board, "mini", MAIN)) if c.family == 3]
    assert len(found) == 3
    for each in found:
        apart = letters[each.a.name].isdisjoint(letters[each.b.name])
        assert (each.answer == "different") == (each.holm <= 0.05) == apart


def test_the_family_is_the_table_or_all_tables_of_the_budgets(runs: list[RunRecord], board_of: MakeBoard) -> None:
    board = board_of(*runs)
    assert compared(board, "copycat", "srresnet").family == 3  # three attacks
    assert compared(board, "copycat", "bicubic").family == 6  # and the control
    assert compared(board, "srresnet against jpeg", "srresnet").family == 6
    assert compared(board, "srresnet at 50", "srresnet").family == 10


def test_every_pair_differs_in_the_attack_or_in_the_defense_alone(runs: list[RunRecord], board_of: MakeBoard) -> None:
    found = contests(Question(board_of(*runs), "mini", MAIN))
    named = {frozenset((each.a.name, each.b.name)) for each in found}
    assert frozenset(("srresnet", "srresnet against jpeg")) in named
    assert frozenset(("copycat", "srresnet against jpeg")) not in named
    assert len(found) == 4


def test_rows_are_equivalent_different_or_neither(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((27.0, 27.5, 28.0)), *records.seeds((26.9, 27.39, 27.91), defense="jpeg"))
    pair = "srresnet against jpeg", "srresnet"
    assert [compared(board, *pair, margin).answer for margin in (1.0, 0.11, None)] == ["different"] * 3
    noisy = board_of(*records.seeds((27.0, 27.5, 28.0)), *records.seeds((27.1, 27.4, 28.02), defense="jpeg"))
    assert [compared(noisy, *pair, margin).answer for margin in (1.0, 0.01, None)] == [
        "equivalent",
        "undecided",
        "undecided",
    ]


def test_which_row_is_better_follows_the_metrics_direction(runs: list[RunRecord], board_of: MakeBoard) -> None:
    found = compared(board_of(*runs), "bicubic", "srresnet")
    assert found.better is found.b
    lower = [
        changed(run, "plan.metrics", tuple(c.model_copy(update={"higher_is_better": False}) for c in run.plan.metrics))
        for run in runs
    ]
    found = compared(board_of(*lower), "bicubic", "srresnet")
    assert found.better is found.a


@pytest.mark.parametrize(("ideal", "better"), [(15.0, "bicubic"), (40.0, "srresnet"), (25.0, None)])
def test_the_row_nearer_to_an_ideal_is_better_and_neither_where_it_lies_between(
    runs: list[RunRecord], board_of: MakeBoard, ideal: float, better: str | None
) -> None:
    told = [
        changed(run, "plan.metrics", tuple(c.model_copy(update={"ideal": ideal}) for c in run.plan.metrics))
        for run in runs
    ]
    found = compared(board_of(*told), "bicubic", "srresnet")
    assert found.answer == "different"
    assert (found.better.name if found.better else None) == better


def test_a_margin_is_a_tenth_of_the_way_from_the_floor_to_zero_where_a_copy_can_be_perfect(
    runs: list[RunRecord], board_of: MakeBoard
) -> None:
    board, lpips = board_of(*runs), Number("lpips-alex", "B")
    margin = compared(board, "copycat", "srresnet", number=lpips).margin
    assert margin.value == pytest.approx(0.01)
    assert margin.told == "a tenth of the way from bicubic (0.1) to a perfect copy (0)"
    for number in (MAIN, Number("lpips-alex", "C", "set5")):
        unknown = compared(board, "copycat", "srresnet", number=number)
        assert (unknown.margin.value, unknown.p_equal) == (None, None)
        assert "give --margin" in unknown.margin.told
    assert compared(board, "copycat", "srresnet", 0.5).margin.value == 0.5


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_a_margin_that_is_none_is_refused(runs: list[RunRecord], board_of: MakeBoard, margin: float) -> None:
    with pytest.raises(BoardError, match="is no margin"):
        Question(board_of(*runs), "mini", MAIN, margin)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (Number("psnr-z", "B"), "no metric 'psnr-z'"),
        (Number("psnr-y", "C"), "C is no mean of splits"),
        (Number("psnr-y", "B", "set6"), "no test split 'set6'"),
    ],
)
def test_a_number_that_is_none_is_refused(
    runs: list[RunRecord], board_of: MakeBoard, number: Number, words: str
) -> None:
    with pytest.raises(GexbenchError, match=words) as refused:
        compared(board_of(*runs), "copycat", "srresnet", number=number)
    assert refused.value.hint


def test_runs_of_ones_own_stand_beside_a_boards_row(records: Records, board_of: MakeBoard, tmp_path: Path) -> None:
    board = board_of(*records.seeds((27.0, 27.5, 28.0)))
    for run in records.seeds((25.0, 25.1, 25.2), attack="copycat"):
        save(run, tmp_path / "runs")
    for place in (tmp_path / "runs", tmp_path / "runs" / "sr-copycat-*"):
        found = compared(board, str(place), "srresnet")
        assert found.a.name == f"copycat at 100 ({place})"
        assert (found.answer, found.better) == ("different", found.b)
        assert sorted(found.a.folders) == [0, 1, 2]


def test_runs_of_ones_own_need_no_board(records: Records, board_of: MakeBoard, tmp_path: Path) -> None:
    for run in [*records.seeds((25.0, 25.1, 25.2), attack="copycat"), *records.seeds((27.0, 27.5, 28.0))]:
        save(run, tmp_path)
    found = compared(board_of(), str(tmp_path / "sr-copycat-*"), str(tmp_path / "sr-srresnet-*"))
    assert (found.family, found.better) == (1, found.b)


def test_own_runs_that_make_no_row_are_refused(records: Records, board_of: MakeBoard, tmp_path: Path) -> None:
    board = board_of(*records.seeds((27.0, 27.5, 28.0)))
    cases: dict[str, tuple[list[RunRecord], str]] = {
        "two": ([records.make("copycat"), records.make()], "make 2 rows: copycat at 100; srresnet at 100"),
        "twice": ([records.make("copycat"), records.make("copycat", b=1.0)], r"have the seeds \[0, 0\]"),
        "failed": ([changed(records.make("copycat"), "status", "failed")], "failed"),
        "paper": ([records.make("copycat", profile="paper")], "one is of profile 'paper', not 'mini'"),
        "same": (records.seeds((27.0, 27.5, 28.0)), "hold the same runs"),
        "victim": (
            [changed(records.make("copycat"), "provenance.victim_weights", "other")],
            "have another victim",
        ),
    }
    for name, (runs, words) in cases.items():
        for place, run in enumerate(runs):
            save(run, tmp_path / name / str(place))
        with pytest.raises(BoardError, match=words) as refused:
            compared(board, str(tmp_path / name), "srresnet")
        assert refused.value.hint
    (tmp_path / "none").mkdir()
    with pytest.raises(BoardError, match="there is none"):
        compared(board, str(tmp_path / "none"), "srresnet")


def test_own_runs_with_picked_seeds_are_marked(records: Records, board_of: MakeBoard, tmp_path: Path) -> None:
    board = board_of(*records.seeds((27.0, 27.5, 28.0)))
    for run in records.seeds({5: 29.0, 7: 29.1, 9: 29.2}, attack="copycat"):
        save(run, tmp_path)
    found = compared(board, str(tmp_path), "srresnet")
    assert "seeds 5, 7, 9 of 0–2" in cells(board, found)


def test_a_row_that_lacks_a_number_is_no_part_of_the_family(runs: list[RunRecord], board_of: MakeBoard) -> None:
    def without(run: RunRecord) -> RunRecord:
        return changed(run, "scores", tuple(score for score in run.scores if score.metric != "lpips-alex"))

    board = board_of(*(without(run) if run.plan.attack.name == "copycat" else run for run in runs))
    assert compared(board, "srresnet (steps=1)", "srresnet", number=Number("lpips-alex", "B")).family == 1
    with pytest.raises(BoardError, match="lpips-alex B was never measured of 'copycat'"):
        compared(board, "copycat", "srresnet", number=Number("lpips-alex", "B"))


def test_own_runs_with_incidents_are_marked(records: Records, board_of: MakeBoard, tmp_path: Path) -> None:
    board = board_of(*records.seeds((27.0, 27.5, 28.0)))
    for run in records.seeds((29.0, 29.1, 29.2), attack="copycat"):
        save(changed(run, "incidents", ("it reached out",)), tmp_path)
    assert "incidents happened" in cells(board, compared(board, str(tmp_path), "srresnet"))


def test_without_kept_answers_the_images_are_not_resampled(runs: list[RunRecord], board_of: MakeBoard) -> None:
    board = board_of(*runs)
    assert "no evidence beside these records" in cells(board, compared(board, "copycat", "srresnet"))


def test_rows_that_seeds_change_nothing_of_have_no_interval(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((27.0,) * 3), *records.seeds((25.0,) * 3, attack="copycat"))
    found = compared(board, "copycat", "srresnet", 3.0)
    assert (found.answer, found.p_equal) == ("different", 0.0)
    assert "95 % CI deterministic" in cells(board, found)
    assert "different: B is better, by less than the margin" in cells(board, found)


def test_the_page_says_what_was_found_in_words(runs: list[RunRecord], board_of: MakeBoard) -> None:
    board = board_of(*runs)
    text = cells(board, compared(board, "srresnet against jpeg", "srresnet", 0.5))
    for words in ("paired t: the same attack", "r = 1.000", "by turning signs 0.25", "among 6 pairs", "±0.5, as given"):
        assert words in text
    every = cells(board, *contests(Question(board, "mini", MAIN)))
    assert "mini, B psnr-y, dB ↑. " in every
    assert "of 4 pairs are different" in every


def test_the_json_holds_what_the_page_says(runs: list[RunRecord], board_of: MakeBoard) -> None:
    board = board_of(*runs)
    question = Question(board, "mini", MAIN, 0.5)
    data = json.loads(json.dumps(as_json(question, contests(question)), allow_nan=False))
    assert (data["board"], data["profile"], data["metric"], data["compare"]) == ("sr", "mini", "psnr-y", "B")
    pair = next(pair for pair in data["pairs"] if pair["test"] == "paired")
    assert (pair["a"]["row"], pair["b"]["row"]) == ("srresnet", "srresnet against jpeg")
    assert pair["a"]["values"] == {"0": 26.5, "1": 27.0, "2": 27.5}
    assert pair["p_sign_flip"] == 0.25
    assert pair["ci_low"] < pair["difference"] < pair["ci_high"]
    assert {"p_holm", "p_equivalence", "answer", "better", "detectable", "seeds_needed", "margin_from"} <= pair.keys()


def test_the_pairs_of_a_table_are_those_that_are_asked_for_one_by_one(
    runs: list[RunRecord], board_of: MakeBoard
) -> None:
    board = board_of(*runs)
    question = Question(board, "mini", Number("psnr-y", "B"))
    table = next(t for t in board.tables if len([row for row in t.rows if row.main() is not None]) > 2)
    found = contests_of(question, table)
    assert len(found) > 2
    assert found == [contest(question, each.a.name, each.b.name) for each in found]
    assert all(any(side.row is row for row in table.rows) for each in found for side in (each.a, each.b))
