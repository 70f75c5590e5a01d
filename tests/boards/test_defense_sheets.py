from __future__ import annotations

from record_factory import Records, changed, honest_cost

from boards.conftest import MakeBoard
from gexbench.boards.defense_sheets import defense_sheet, joint_sheet
from gexbench.boards.sections import page
from gexbench.boards.sheet import Sheet


def cells(sheet: Sheet | None, row: int = 0) -> dict[str, str]:
    assert sheet is not None
    return dict(zip([column.title for column in sheet.columns], sheet.rows[row], strict=True))


def test_a_row_shows_damage_with_its_interval_beside_the_cost_to_honest_users(
    records: Records, board_of: MakeBoard
) -> None:
    board = board_of(*records.seeds((27.0, 27.1, 27.2)), *records.seeds((25.0, 25.2, 25.1), defense="jpeg"))
    sheet = defense_sheet("mini", board.tables)
    shown = cells(sheet)
    assert shown["defense"] == "◆ jpeg"
    assert shown["damage to srresnet"] == "2.00 (1.75 … 2.25)"
    assert shown["taken from thieves"] == "2.00 (1.75 … 2.25)"
    assert (shown["honest lpips-alex ↓"], shown["seeds"]) == ("0.0500", "3")
    assert sheet is not None
    assert "Pareto front" in sheet.below[0]
    assert not sheet.faint


def test_the_cost_on_what_the_attack_asked_stands_beside_it_where_a_record_says_so(
    records: Records, board_of: MakeBoard
) -> None:
    runs = records.seeds((25.0, 25.1, 25.2), defense="jpeg")
    costs = [(honest_cost("queries", 64, value),) for value in (0.1, 0.2, 0.3)]
    told = [changed(run, "queried_cost", cost) for run, cost in zip(runs, costs, strict=True)]
    shown = cells(defense_sheet("mini", board_of(*records.seeds((27.0, 27.1, 27.2)), *told).tables))
    assert (shown["honest lpips-alex ↓"], shown["on queries lpips-alex ↓"]) == ("0.0500", "0.2000")


def test_an_attack_that_was_never_run_undefended_has_no_column_of_dashes(records: Records, board_of: MakeBoard) -> None:
    adapted = records.seeds((25.0, 25.1, 25.2), settings=("purify=jpeg",), defense="jpeg")
    plain = records.seeds((20.0, 20.1, 20.2), defense="jpeg")
    shown = cells(defense_sheet("mini", board_of(*records.seeds((27.0, 27.1, 27.2)), *plain, *adapted).tables))
    assert [title for title in shown if title.startswith("damage")] == ["damage to srresnet"]
    assert shown["taken from thieves"].startswith("2.00")


def test_a_row_without_its_seeds_is_faint(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((27.0, 27.1, 27.2)), records.make(b=20.0, defense="jpeg"))
    sheet = defense_sheet("mini", board.tables)
    assert sheet is not None
    assert sheet.faint == {0}
    assert "◆" not in sheet.rows[0][1]


def test_the_matrix_has_each_attack_against_each_defense_and_none(records: Records, board_of: MakeBoard) -> None:
    runs = [
        *records.seeds((27.0, 27.1, 27.2)),
        *records.seeds((25.0, 25.1, 25.2), defense="jpeg"),
        records.make(b=24.0, defense="jpeg", defense_settings=("quality=5",)),
        records.make(b=26.0, defense="jpeg", settings=("purify=blur",)),
        records.make("copycat"),
        *records.seeds((9.0, 9.1, 9.2), defense="jpeg", budget="50"),
    ]
    sheet = joint_sheet("mini", board_of(*runs).tables)
    assert sheet is not None
    assert [column.title for column in sheet.columns] == ["attack", "none", "jpeg (quality=5)", "jpeg"]
    assert sheet.rows == (
        ("srresnet", "26.60 ± 0.10", "23.50 (n=1)", "24.60 ± 0.10"),
        ("srresnet (purify=blur)", "—", "—", "25.50 (n=1)"),
    )


def test_without_a_defense_there_is_no_sheet(records: Records, board_of: MakeBoard) -> None:
    tables = board_of(records.make()).tables
    assert (defense_sheet("mini", tables), joint_sheet("mini", tables)) == (None, None)


def test_published_findings_stand_on_the_page_with_their_traps_where_there_are_defenses(
    records: Records, board_of: MakeBoard
) -> None:
    (title,) = ["Reported elsewhere, not comparable: defenses"]
    assert title not in [sheet.title for sheet in page(board_of(records.make())).sheets]
    last = page(board_of(records.make(defense="jpeg"))).sheets[-1]
    assert (last.title, last.rows[0][2]) == (title, "Its schedule was cut short.")
