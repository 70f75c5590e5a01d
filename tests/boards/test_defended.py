from __future__ import annotations

import pytest
from record_factory import Records, changed, honest_cost

from boards.conftest import MakeBoard
from gexbench.boards.defended import damage_sheet, damages


def test_damage_is_the_defended_number_minus_the_undefended_one(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((27.0, 27.1, 27.2)), *records.seeds((25.0, 25.1, 25.2), defense="jpeg"))
    (damage,) = damages(board.tables)
    assert damage.free is not None
    assert damage.lost is not None
    assert damage.free.mean == pytest.approx(26.6)
    assert damage.lost.value == pytest.approx(-2.0)
    assert damage.lost.p < 0.05


def test_the_most_damaging_defense_of_an_attack_comes_first(records: Records, board_of: MakeBoard) -> None:
    strong = records.seeds((24.0, 24.1, 24.2), defense="jpeg", defense_settings=("quality=5",))
    weak = records.seeds((26.0, 26.1, 26.2), defense="jpeg")
    found = damages(board_of(*records.seeds((27.0, 27.1, 27.2)), *weak, *strong).tables)
    assert [damage.table.defense for damage in found] == ["jpeg (quality=5)", "jpeg"]


def test_an_attack_is_compared_only_with_itself_at_the_same_budget(records: Records, board_of: MakeBoard) -> None:
    others = [records.make("copycat"), records.make(budget="50"), records.make(settings=("steps=1",))]
    (damage,) = damages(board_of(*others, records.make(defense="jpeg")).tables)
    assert (damage.free, damage.lost) == (None, None)


def test_an_attack_that_adapts_is_compared_with_itself_and_the_plain_one_keeps_its_row(
    records: Records, board_of: MakeBoard
) -> None:
    ways: tuple[tuple[str, ...], ...] = ((), ("purify=jpeg",))
    made = [records.make(b=b, defense=d, settings=s) for s in ways for b, d in ((27.0, None), (25.0, "jpeg"))]
    found = damages(board_of(*made).tables)
    assert [damage.row.label for damage in found] == ["srresnet", "srresnet (purify=jpeg)"]
    assert all(damage.free is not None for damage in found)


def test_the_sheet_shows_damage_beside_the_cost_to_honest_users(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((27.0, 27.1, 27.2)), *records.seeds((25.0, 25.1, 25.2), defense="jpeg"))
    sheet = damage_sheet("mini", board.tables)
    assert sheet is not None
    cells = dict(zip([column.title for column in sheet.columns], sheet.rows[0], strict=True))
    assert cells["undefended"] == "26.60 ± 0.10"
    assert cells["defended"] == "24.60 ± 0.10"
    assert cells["difference"] == "−2.00"
    assert cells["honest lpips-alex ↓"] == "0.0500"


def test_the_cost_on_what_the_attack_asked_stands_beside_it_where_a_record_says_so(
    records: Records, board_of: MakeBoard
) -> None:
    runs = records.seeds((25.0, 25.1, 25.2), defense="jpeg")
    costs = [(honest_cost("queries", 64, value),) for value in (0.1, 0.2, 0.3)]
    told = [changed(run, "queried_cost", cost) for run, cost in zip(runs, costs, strict=True)]
    sheet = damage_sheet("mini", board_of(*records.seeds((27.0, 27.1, 27.2)), *told).tables)
    assert sheet is not None
    cells = dict(zip([column.title for column in sheet.columns], sheet.rows[0], strict=True))
    assert (cells["honest lpips-alex ↓"], cells["on queries lpips-alex ↓"]) == ("0.0500", "0.2000")
    assert "On queries: " in sheet.notes[0]


def test_controls_are_not_defended_against(records: Records, board_of: MakeBoard) -> None:
    controls = [records.make(name, defense="jpeg") for name in ("victim", "bicubic")]
    assert damages(board_of(*controls).tables) == []


def test_without_a_defense_there_is_no_sheet(records: Records, board_of: MakeBoard) -> None:
    assert damage_sheet("mini", board_of(records.make()).tables) is None
