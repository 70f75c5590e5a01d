"""What is said below a table."""

from __future__ import annotations

import math

import pytest
from record_factory import Records

from boards.conftest import MakeBoard
from gexbench.boards.remarks import pooled, remarks, steps
from gexbench.boards.row import Row
from gexbench.boards.spread import spread
from gexbench.record import RunRecord

SPREAD = (26.0, 27.0, 28.0)


def said(board_of: MakeBoard, *runs: RunRecord) -> list[str]:
    (table,) = board_of(*runs).tables
    return [*remarks(table)]


def test_the_deviation_within_rows_is_pooled_by_degrees_of_freedom() -> None:
    one, two = spread([1.0, 2.0, 3.0]), spread([10.0, 14.0])
    assert pooled([one, two]) == pytest.approx(math.sqrt((2 * 1.0 + 1 * 8.0) / 3))


def test_a_table_says_how_far_rows_must_lie_apart_and_how_far_they_do(records: Records, board_of: MakeBoard) -> None:
    runs = [*records.seeds(SPREAD), *records.seeds((36.0, 37.0, 38.0), attack="copycat")]
    assert said(board_of, *runs) == [
        "Two rows must differ by about 3.1 to be told apart (80 % power, 3 seeds each, pooled deviation 1.0); the "
        "ranked rows span 10.0."
    ]


def test_a_span_that_is_less_is_called_so(records: Records, board_of: MakeBoard) -> None:
    (line,) = said(board_of, *records.seeds(SPREAD), *records.seeds((27.0, 28.0, 29.0), attack="copycat"))
    assert line.endswith("the ranked rows span 1.0, which is less: differences of that size are mostly missed.")


def test_where_one_row_is_ranked_the_controls_that_seeds_change_stand_beside_it(
    records: Records, board_of: MakeBoard
) -> None:
    control = records.seeds((20.0, 21.0, 22.0), attack="bicubic")
    (line,) = said(board_of, *records.seeds(SPREAD), *control)
    assert "the rows that seeds change span 6.0." in line


@pytest.mark.parametrize("value", [20.0, math.inf])
def test_rows_that_seeds_do_not_change_and_perfect_ones_say_nothing(
    records: Records, board_of: MakeBoard, value: float
) -> None:
    still = records.seeds((value, value, value), attack="copycat")
    nearly = records.seeds((20.0, 20.0001, 20.0002), attack="bicubic")  # as another processor rounds
    assert said(board_of, *records.seeds(SPREAD), *still, *nearly) == []


def test_a_row_that_is_not_whole_yet_does_not_count(records: Records, board_of: MakeBoard) -> None:
    assert said(board_of, *records.seeds(SPREAD), *records.seeds((30.0, 39.0), attack="copycat")) == []


def test_steps_are_those_of_all_phases() -> None:
    class Plan:
        def __init__(self, options: dict[str, object]) -> None:
            self.plan, self.options = self, options

    def asked(**options: object) -> int | None:
        return steps(Row("a", (Plan(options),)))  # type: ignore[arg-type]

    assert asked(steps=800, real_steps=200, lr=1e-3) == 1000
    assert asked(pool_steps=600) == 600
    assert asked(lr=1e-3) is None


def test_a_row_with_other_options_than_its_cards_names_the_controls_of_as_many_steps(
    records: Records, board_of: MakeBoard
) -> None:
    card = records.folder / "attacks" / "bicubic.toml"
    text = card.read_text(encoding="utf-8")
    card.write_text(text + '[options]\nsteps = { type = "int", default = 400, help = "steps" }\n', encoding="utf-8")
    usual = [*records.seeds(SPREAD), *records.seeds((20.0, 21.0, 22.0), attack="bicubic")]
    longer = records.seeds((30.0, 31.0, 32.0), settings=("steps=900",))
    other = records.seeds((30.0, 31.0, 32.0), settings=("lr=0.1",))
    assert len(said(board_of, *usual)) == 1
    assert said(board_of, *usual, *longer)[1:] == ["srresnet (steps=900) took 900 steps; no control took as many."]
    assert said(board_of, *usual, *other)[1:] == ["srresnet (lr=0.1) took 400 steps; as many were taken by bicubic."]
    control = records.seeds((20.0, 21.0, 22.0), attack="bicubic", settings=("steps=900",))
    told = said(board_of, *usual, *longer, *control)[1:]
    assert told == ["srresnet (steps=900) took 900 steps; as many were taken by bicubic (steps=900)."]


def test_of_a_row_that_is_not_ranked_no_steps_are_told(records: Records, board_of: MakeBoard) -> None:
    assert said(board_of, records.make(settings=("steps=900",))) == []
