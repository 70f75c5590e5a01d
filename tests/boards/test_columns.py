from __future__ import annotations

import pytest

from gexbench.boards.columns import with_columns
from gexbench.boards.sheet import Column, Page, Sheet
from gexbench.errors import BoardError

RANKS = Sheet(
    "ranks",
    columns=(Column("attack", False), Column("B", spare=2), Column("B fid, 1 ↓"), Column("B memorisation → 0.5")),
    rows=(("a", "1", "2", "3"), ("b", "4", "5", "6")),
    best=frozenset({(0, 1), (1, 3)}),
)
DAMAGE = Sheet("damage", columns=(Column("attack", False), Column("damage to a (x=1, y=2)")), rows=(("a", "7"),))
FOLDED = Sheet("all", columns=(Column("attack", False), Column("kid ↓")), rows=(("a", "8"),), folded=True)
PAGE = Page("Leaderboard sr@1", ("lead",), "guide", (Sheet("Profile mini", notes=("note",)), RANKS, DAMAGE, FOLDED))


def test_the_chosen_columns_stand_in_the_order_given_with_what_is_best() -> None:
    (found,) = with_columns(PAGE, ["B,attack"]).sheets
    assert [column.title for column in found.columns] == ["B", "attack"]
    assert found.rows == (("1", "a"), ("4", "b"))
    assert found.best == {(0, 0)}
    assert found.columns[0].spare == 0


@pytest.mark.parametrize("name", ["B fid", "B fid, 1 ↓"])
def test_unit_and_arrow_can_be_left_out(name: str) -> None:
    (found,) = with_columns(PAGE, [name]).sheets
    assert found.columns[0].title == "B fid, 1 ↓"


def test_an_ideal_can_be_left_out_too() -> None:
    assert with_columns(PAGE, ["B memorisation"]).sheets[0].rows == (("3",), ("6",))


def test_a_name_with_commas_stands_alone() -> None:
    (found,) = with_columns(PAGE, ["attack", "damage to a (x=1, y=2)"]).sheets
    assert found.rows == (("a", "7"),)


def test_tables_that_lack_one_are_left_out_and_folded_ones_unfolded() -> None:
    assert [sheet.title for sheet in with_columns(PAGE, ["attack"]).sheets] == ["ranks", "damage", "all"]
    (found,) = with_columns(PAGE, ["attack,kid"]).sheets
    assert (found.title, found.folded) == ("all", False)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(BoardError, match="no table has a column 'atack'") as refused:
        with_columns(PAGE, ["B,atack"])
    assert "attack" in refused.value.hint


def test_columns_that_no_table_has_together_are_refused() -> None:
    with pytest.raises(BoardError, match="no table has all the columns B, kid"):
        with_columns(PAGE, ["B,kid"])
