"""A second run is held against the recorded noise."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import Records, changed, write_registry

from gexbench.record import LibraryScore
from gexbench.verification import Difference, Verdict, beside, beside_libraries, compare


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(write_registry(tmp_path / "registry"))


def agreeing(differences: list[Difference]) -> bool:
    return all(difference.agrees for difference in differences)


def test_the_same_scores_agree(records: Records) -> None:
    assert agreeing(compare(records.make(), records.make(), []))


def test_without_other_seeds_only_the_metrics_own_tolerance_is_allowed(records: Records) -> None:
    assert not agreeing(compare(records.make(b=27.0), records.make(b=27.1), []))


def test_with_other_seeds_three_standard_deviations_are_allowed(records: Records) -> None:
    seeds = [records.make(seed=seed, b=27.0 + 0.1 * seed) for seed in range(3)]
    assert agreeing(compare(seeds[0], records.make(b=27.29), seeds))
    assert not agreeing(compare(seeds[0], records.make(b=27.31), seeds))


def test_a_score_that_is_not_measured_again_does_not_agree(records: Records) -> None:
    again = records.make().model_copy(update={"scores": ()})
    assert not agreeing(compare(records.make(), again, []))


def test_the_seeds_are_the_records_beside_this_one(records: Records, tmp_path: Path) -> None:
    mine = [records.make(seed=seed) for seed in range(3)]
    for place, record in enumerate([*mine, records.make("copycat"), records.make(budget="25%")]):
        (tmp_path / f"{place}.json").write_text(record.model_dump_json(), encoding="utf-8")
    assert [record.plan.seed for record in beside(mine[0], tmp_path / "0.json")] == [0, 1, 2]


def test_other_words_on_a_card_do_not_keep_seeds_apart(records: Records, tmp_path: Path) -> None:
    reworded = changed(records.make(seed=1), "plan.attack.note", "Other words.")
    for place, record in enumerate([records.make(), reworded]):
        (tmp_path / f"{place}.json").write_text(record.model_dump_json(), encoding="utf-8")
    assert len(beside(records.make(), tmp_path / "0.json")) == 2


def test_a_verdict_says_which_scores_differ(records: Records) -> None:
    differences = tuple(compare(records.make(b=27.0), records.make(b=30.0), []))
    lines = Verdict(record="id", agrees=False, changed=("torch was 1, is 2",), differences=differences).lines()
    assert any(line.startswith("✗ B psnr-y") for line in lines)
    assert lines[-1] == "record id: does NOT agree"


def test_other_libraries_values_stand_beside_both_runs_and_decide_nothing(records: Records) -> None:
    record, again = records.make(b=27.0), records.make(b=27.5)
    told = [
        LibraryScore(metric=metric, compare="B", test=test, value=27.25, library="scikit-image", version="1.2")
        for metric, test in (("psnr-y", "set5"), ("psnr-y", "set6"), ("fid", "set5"))
    ]
    (found,) = beside_libraries(record, again, told)
    assert (found.recorded, found.again, found.reference, found.difference) == (27.0, 27.5, 27.25, 0.25)
    verdict = Verdict(record="id", agrees=True, changed=(), differences=(), references=(found,))
    assert verdict.lines() == [
        "= B psnr-y     set5       recorded 27  again 27.5  reference 27.25  difference 2.5e-01  by scikit-image 1.2",
        "record id: agrees",
    ]
