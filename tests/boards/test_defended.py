from __future__ import annotations

import math

import pytest
from record_factory import Records, changed, honest_cost
from scipy import stats

from boards.conftest import MakeBoard
from gexbench.boards.defended import Defended, damages, guarded, harm, main_card
from gexbench.record import RunRecord


def lossy(runs: list[RunRecord], value: float) -> list[RunRecord]:
    return [changed(run, "honest_cost", (honest_cost("set5", 5, value),)) for run in runs]


def by_name(found: list[Defended]) -> dict[str, Defended]:
    return {each.table.defense: each for each in found}


def test_damage_is_the_defended_number_minus_the_undefended_one(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((27.0, 27.1, 27.2)), *records.seeds((25.0, 25.2, 25.1), defense="jpeg"))
    (damage,) = damages(board.tables)
    assert damage.free is not None
    assert damage.test is not None
    assert damage.free.mean == pytest.approx(26.6)
    assert damage.test.value == pytest.approx(-2.0)


def test_seeds_that_ran_alike_are_pairs_and_the_interval_is_students(records: Records, board_of: MakeBoard) -> None:
    free, defended = (27.0, 27.5, 28.2), (25.1, 25.4, 26.3)
    (damage,) = damages(board_of(*records.seeds(free), *records.seeds(defended, defense="jpeg")).tables)
    assert damage.test is not None
    gaps = [b - a for a, b in zip(free, defended, strict=True)]
    low, high = stats.t.interval(0.95, 2, sum(gaps) / 3, stats.sem(gaps))
    assert (damage.test.way, damage.test.n) == ("paired", (3,))
    assert damage.test.interval() == pytest.approx((low, high))
    value, ends = harm(damage.test, main_card(damage.table))
    assert value == pytest.approx(1.9667, abs=1e-4)
    assert ends == pytest.approx((-high, -low))


def test_seeds_of_another_processor_are_no_pairs(records: Records, board_of: MakeBoard) -> None:
    away = [changed(run, "provenance.processor", "other") for run in records.seeds((25.1, 25.4, 26.3), defense="jpeg")]
    (damage,) = damages(board_of(*records.seeds((27.0, 27.5, 28.2)), *away).tables)
    assert damage.test is not None
    found = stats.ttest_ind((25.1, 25.4, 26.3), (27.0, 27.5, 28.2), equal_var=False).confidence_interval()
    assert damage.test.way == "welch"
    assert damage.test.interval() == pytest.approx((found.low, found.high))


def test_one_seed_is_compared_with_its_own_twin_and_has_no_interval(records: Records, board_of: MakeBoard) -> None:
    (damage,) = damages(board_of(*records.seeds((27.0, 30.0, 30.0)), records.make(b=26.0, defense="jpeg")).tables)
    assert damage.test is not None
    assert damage.test.value == pytest.approx(-1.0)
    assert damage.test.interval() is None


def test_the_most_damaging_defense_of_an_attack_comes_first(records: Records, board_of: MakeBoard) -> None:
    strong = records.seeds((24.0, 24.1, 24.2), defense="jpeg", defense_settings=("quality=5",))
    weak = records.seeds((26.0, 26.1, 26.2), defense="jpeg")
    board = board_of(*records.seeds((27.0, 27.1, 27.2)), *weak, *strong)
    assert [damage.table.defense for damage in damages(board.tables)] == ["jpeg (quality=5)", "jpeg"]
    assert [each.table.defense for each in guarded(board.tables)] == ["jpeg (quality=5)", "jpeg"]


def test_an_attack_is_compared_only_with_itself_at_the_same_budget(records: Records, board_of: MakeBoard) -> None:
    others = [records.make("copycat"), records.make(budget="50"), records.make(settings=("steps=1",))]
    (damage,) = damages(board_of(*others, records.make(defense="jpeg")).tables)
    assert (damage.free, damage.test) == (None, None)


def test_what_is_taken_from_thieves_is_told_by_the_best_attack_on_either_side(
    records: Records, board_of: MakeBoard
) -> None:
    free = [*records.seeds((27.0, 27.1, 27.2)), *records.seeds((26.0, 26.1, 26.2), attack="copycat")]
    plain = records.seeds((20.0, 20.1, 20.2), defense="jpeg")
    adapted = records.seeds((25.0, 25.1, 25.2), settings=("purify=jpeg",), defense="jpeg")
    (alone,) = guarded(board_of(*free, *plain).tables)
    (met,) = guarded(board_of(*free, *plain, *adapted).tables)
    assert (alone.taken, met.taken) == (pytest.approx(7.0), pytest.approx(2.0))
    assert met.damages["srresnet (purify=jpeg)"].test is None


def test_a_defense_that_met_only_weak_attacks_takes_nothing_that_is_known(
    records: Records, board_of: MakeBoard
) -> None:
    free = [*records.seeds((27.0, 27.1, 27.2)), *records.seeds((20.0, 20.1, 20.2), attack="copycat")]
    (met,) = guarded(board_of(*free, *records.seeds((5.0, 5.1, 5.2), attack="copycat", defense="jpeg")).tables)
    assert (met.taken, met.front, met.complete) == (None, False, False)


def test_the_front_holds_what_nothing_beats_and_none_that_helps_thieves(records: Records, board_of: MakeBoard) -> None:
    free = records.seeds((27.0, 27.1, 27.2))

    def at(quality: int, b: float, loss: float) -> list[RunRecord]:
        runs = records.seeds((b, b + 0.1, b + 0.2), defense="jpeg", defense_settings=(f"quality={quality}",))
        return lossy(runs, loss)

    given = [*at(1, 20.0, 0.3), *at(2, 25.0, 0.1), *at(3, 25.5, 0.2), *at(4, 27.5, 0.01), *at(5, 25.0, 0.1)]
    found = by_name(guarded(board_of(*free, *given).tables))
    assert {name[-2] for name, each in found.items() if each.front} == {"1", "2", "5"}


def test_too_few_seeds_neither_stand_on_the_front_nor_beat_others(records: Records, board_of: MakeBoard) -> None:
    free, rest = records.seeds((27.0, 27.1, 27.2)), lossy(records.seeds((25.0, 25.1, 25.2), defense="jpeg"), 0.1)
    lucky = lossy([records.make(b=5.0, defense="jpeg", defense_settings=("quality=5",))], 0.01)
    found = by_name(guarded(board_of(*free, *rest, *lucky).tables))
    assert (found["jpeg"].front, found["jpeg (quality=5)"].front) == (True, False)


def test_an_endless_loss_is_no_place_on_the_front(records: Records, board_of: MakeBoard) -> None:
    runs = lossy(records.seeds((25.0, 25.1, 25.2), defense="jpeg"), math.inf)
    (met,) = guarded(board_of(*records.seeds((27.0, 27.1, 27.2)), *runs).tables)
    assert (met.loss, met.front) == (None, False)


def test_an_answer_waits_for_a_defense_as_long_as_its_records_say(records: Records, board_of: MakeBoard) -> None:
    free, runs = records.seeds((27.0, 27.1, 27.2)), records.seeds((25.0, 25.1, 25.2), defense="jpeg")
    assert guarded(board_of(*free, *runs).tables)[0].delay is None
    waited = [changed(run, "defense_delay", each) for run, each in zip(runs, (0.001, 0.002, 0.006), strict=True)]
    assert guarded(board_of(*free, *waited).tables)[0].delay == pytest.approx(0.003)


def test_controls_are_not_defended_against(records: Records, board_of: MakeBoard) -> None:
    controls = [records.make(name, defense="jpeg") for name in ("victim", "bicubic")]
    assert damages(board_of(*controls).tables) == []
