from __future__ import annotations

import math

import pytest
from record_factory import Records, changed

from boards.conftest import MakeBoard
from gexbench.errors import BoardError
from gexbench.record import RunRecord


def ranks(board_of: MakeBoard, *runs: object) -> dict[str, int | None]:
    return {row.label: row.rank for row in board_of(*runs).tables[0].rows}


def test_the_best_attack_comes_first(records: Records, board_of: MakeBoard) -> None:
    runs = [*records.seeds((25.0, 25.1, 25.2)), *records.seeds((28.0, 28.1, 28.2), attack="copycat")]
    assert ranks(board_of, *runs) == {"copycat": 1, "srresnet": 2}


def test_attacks_that_do_not_differ_significantly_share_a_rank(records: Records, board_of: MakeBoard) -> None:
    runs = [
        *records.seeds((27.0, 27.2, 27.4)),
        *records.seeds((27.1, 27.2, 27.5), attack="copycat"),
        *records.seeds((25.0, 25.1, 25.2), settings=("steps=1",)),
    ]
    assert ranks(board_of, *runs) == {"copycat": 1, "srresnet": 1, "srresnet (steps=1)": 3}


def test_an_attack_that_adapts_has_a_row_beside_the_plain_one(records: Records, board_of: MakeBoard) -> None:
    runs = [*records.seeds((27.0, 27.1, 27.2)), *records.seeds((25.0, 25.1, 25.2), settings=("purify=jpeg",))]
    assert ranks(board_of, *runs) == {"srresnet": 1, "srresnet (purify=jpeg)": 2}


def test_a_rank_is_one_more_than_the_rows_that_are_better_and_told_apart(records: Records, board_of: MakeBoard) -> None:
    runs = [
        *records.seeds((28.0, 28.2, 28.4), attack="copycat"),
        *records.seeds((27.6, 27.8, 28.0)),
        *records.seeds((27.2, 27.4, 27.6), settings=("steps=1",)),
    ]
    board = board_of(*runs)
    assert ranks(board_of, *runs) == {"copycat": 1, "srresnet": 1, "srresnet (steps=1)": 2}
    assert [row.letters for row in board.tables[0].rows] == ["a", "a b", "b"]


def test_a_row_alone_has_no_letters(records: Records, board_of: MakeBoard) -> None:
    assert [row.letters for row in board_of(*records.seeds((27.0, 27.1, 27.2))).tables[0].rows] == [""]


def test_where_lower_is_better_the_lowest_comes_first(records: Records, board_of: MakeBoard) -> None:
    runs = [*records.seeds((25.0, 25.1, 25.2)), *records.seeds((28.0, 28.1, 28.2), attack="copycat")]
    lower = tuple(card.model_copy(update={"higher_is_better": False}) for card in runs[0].plan.metrics)
    runs = [changed(run, "plan.metrics", lower) for run in runs]
    assert ranks(board_of, *runs) == {"srresnet": 1, "copycat": 2}


@pytest.mark.parametrize("seeds", [{0: 29.0}, {0: 29.0, 1: 29.1}, {5: 29.0, 7: 29.1, 9: 29.2}])
def test_an_attack_without_the_first_seeds_is_not_ranked_however_good(
    records: Records, board_of: MakeBoard, seeds: dict[int, float]
) -> None:
    runs = [*records.seeds((27.0, 27.1, 27.2)), *records.seeds(seeds, attack="copycat")]
    assert ranks(board_of, *runs) == {"srresnet": 1, "copycat": None}


def test_controls_stand_last_in_the_tasks_order_and_are_not_ranked(records: Records, board_of: MakeBoard) -> None:
    runs = [records.make("victim"), *records.seeds((90.0, 90.1, 90.2), attack="bicubic"), *records.seeds((27.0,))]
    assert ranks(board_of, *runs) == {"srresnet": None, "bicubic": None, "victim": None}
    assert [row.label for row in board_of(*runs).tables[0].rows] == ["srresnet", "bicubic", "victim"]


def test_a_perfect_copy_is_ranked_first(records: Records, board_of: MakeBoard) -> None:
    perfect = records.seeds((math.inf, math.inf, math.inf), attack="copycat")
    assert ranks(board_of, *perfect, *records.seeds((27.0, 27.1, 27.2))) == {"copycat": 1, "srresnet": 2}


def test_tables_are_one_a_profile_budget_and_defense_with_the_ranked_budget_first(
    records: Records, board_of: MakeBoard
) -> None:
    board = board_of(
        records.make(budget="50"),
        records.make(defense="jpeg"),
        records.make(),
        records.make(profile="paper"),
    )
    assert [(t.profile, t.budget, t.defense) for t in board.tables] == [
        ("paper", 1000, ""),
        ("mini", 100, ""),
        ("mini", 100, "jpeg"),
        ("mini", 50, ""),
    ]
    assert [t.headline for t in board.tables] == [True, True, True, False]


def test_the_order_of_records_does_not_matter(records: Records, board_of: MakeBoard) -> None:
    runs = [*records.seeds((27.0, 27.2, 27.4)), *records.seeds((27.1, 27.2), attack="copycat"), records.make("victim")]
    assert board_of(*runs) == board_of(*reversed(runs))


def test_a_row_is_verified_when_all_its_records_are(records: Records, board_of: MakeBoard) -> None:
    runs = records.seeds((27.0, 27.1))
    seals = [run.seal for run in runs]
    for known, status in ((seals, "verified"), (seals[:1], "verified 1/2"), ([], "submitted")):
        board = board_of(*runs, verified=frozenset(known))
        assert board.status(board.tables[0].rows[0]) == status


def test_a_seal_that_no_record_has_is_refused(records: Records, board_of: MakeBoard) -> None:
    record = records.make()
    for stranger in ("0" * 64, record.id):
        with pytest.raises(BoardError, match="which no record has"):
            board_of(record, verified=frozenset({stranger}))


def test_one_profile_can_be_asked_for(records: Records, board_of: MakeBoard) -> None:
    board = board_of(records.make(), records.make(profile="paper"))
    assert [table.profile for table in board.only("paper").tables] == ["paper"]
    with pytest.raises(BoardError, match="no records of profile 'huge'"):
        board.only("huge")


def marked(board_of: MakeBoard, *runs: RunRecord, compare: str = "C") -> set[str]:
    """Return whose rows are marked for not beating the victim, whose number is 29.5."""
    task = runs[0].plan.task.main.model_copy(update={"compare": compare})
    (table,) = board_of(*(changed(run, "plan.task.main", task) for run in runs)).tables
    return {row.label for row in table.rows if "no better than the untouched victim" in row.marks}


@pytest.mark.parametrize(("c", "there"), [(29.0, True), (30.0, True), (31.0, False)])
def test_in_a_task_ranked_by_c_an_attack_that_does_not_beat_the_untouched_victim_is_marked(
    records: Records, board_of: MakeBoard, c: float, there: bool
) -> None:
    assert marked(board_of, records.make(c=c)) == ({"srresnet"} if there else set())
    assert not marked(board_of, records.make(c=c), compare="B")
    assert not marked(board_of, records.make("bicubic", c=c))
    assert bool(marked(board_of, records.make(c=c + 2), records.make(c=c - 2, seed=1))) is there


def test_a_record_that_keeps_back_or_lowers_the_victims_number_is_marked_all_the_same(
    records: Records, board_of: MakeBoard
) -> None:
    silent, others = records.make(c=29.0), [records.make("copycat", seed=seed, c=31.0) for seed in (0, 1)]
    without = changed(silent, "scores", tuple(s for s in silent.scores if s.compare != "A"))
    lower = tuple(s.model_copy(update={"value": 1.0}) if s.compare == "A" else s for s in silent.scores)
    for record in (without, changed(silent, "scores", lower)):
        assert marked(board_of, record, *others) == {"srresnet"}


def of_version(version: int, *runs: RunRecord) -> list[RunRecord]:
    return [changed(run, "plan.attack.version", version) for run in runs]


def test_a_newer_version_of_an_attack_is_ranked_in_place_of_the_older_once_it_has_its_seeds(
    records: Records, board_of: MakeBoard
) -> None:
    old, new = records.seeds((27.0, 27.1, 27.2)), of_version(2, *records.seeds((26.0, 26.1, 26.2)))
    assert ranks(board_of, *old, *new) == {"srresnet@2": 1, "srresnet": None}
    assert (
        "older version: srresnet@2 is ranked"
        in next(row for row in board_of(*old, *new).tables[0].rows if row.label == "srresnet").marks
    )
    assert ranks(board_of, *old, *new[:2]) == {"srresnet": 1, "srresnet@2": None}


def test_a_newer_version_with_other_options_takes_no_rows_place(records: Records, board_of: MakeBoard) -> None:
    old = records.seeds((27.0, 27.1, 27.2))
    new = of_version(2, *records.seeds((26.0, 26.1, 26.2), settings=("steps=1",)))
    assert ranks(board_of, *old, *new) == {"srresnet": 1, "srresnet@2 (steps=1)": 2}
