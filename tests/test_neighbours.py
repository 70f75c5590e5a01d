"""Which records tell how noisy a row is."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import Records, changed, save, stand_in, write_registry

from gexbench import neighbours
from gexbench.neighbours import Neighbours, around
from gexbench.record import RunRecord


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(write_registry(tmp_path / "registry"))


def found(records: Records, folder: Path, those: list[RunRecord]) -> Neighbours:
    """Return the neighbours of the first of some records that lie in one folder."""
    for place, record in enumerate(those):
        (folder / f"{place}.json").write_text(record.model_dump_json(), encoding="utf-8")
    return around(those[0], folder / "0.json", records.catalog)


def seeds(near: Neighbours) -> list[int]:
    return [record.plan.seed for record in near.seeds]


def test_the_seeds_are_the_records_beside_this_one_and_the_others_are_rows(records: Records, tmp_path: Path) -> None:
    mine = [records.make(seed=seed) for seed in range(3)]
    others = [records.make("copycat"), records.make("copycat", seed=1), records.make(budget="25%")]
    near = found(records, tmp_path, [*mine, *others, records.make(profile="paper")])
    assert seeds(near) == [1, 2]
    assert [len(row) for row in near.rows] == [2, 1]


def test_a_seed_counts_once_and_the_records_own_not_at_all(records: Records, tmp_path: Path) -> None:
    mine = [records.make(seed=0), records.make(seed=0, b=30.0), records.make(seed=1), records.make(seed=1, b=30.0)]
    near = found(records, tmp_path, mine)
    assert seeds(near) == [1]


def test_other_words_on_a_card_and_other_code_do_not_keep_seeds_apart_and_another_plug_in_does(
    records: Records, tmp_path: Path
) -> None:
    reworded = changed(records.make(seed=1), "plan.attack.note", "Other words.")
    later = changed(records.make(seed=2), "plan.code", "other")
    foreign = changed(records.make(seed=3), "plan.plug_ins", {"attack": "other"})
    near = found(records, tmp_path, [records.make(), reworded, later, foreign])
    assert seeds(near) == [1, 2]


def test_a_record_in_a_runs_own_folder_has_its_seeds_on_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stand_in(tmp_path, monkeypatch)
    run = save(made.make(seed=7), tmp_path / "runs")
    (run / "plan.json").write_text("{}", encoding="utf-8")
    assert around(made.make(seed=7), run / "record.json", made.catalog) == Neighbours()
    board = neighbours.BOARDS / "sr" / "records"
    board.mkdir(parents=True)
    for seed in range(2):
        (board / f"{seed}.json").write_text(made.make(seed=seed).model_dump_json(), encoding="utf-8")
    assert seeds(around(made.make(seed=7), run / "record.json", made.catalog)) == [0, 1]
