"""How far two trainings of one plan may lie apart."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from types import ModuleType

import pytest

from gexbench.noise import FAMILY, Noise, Numbers, Place, alike

FID: Place = ("fid", "B", "photos")
PSNR: Place = ("psnr-y", "B", "photos")
OWN = {"fid": 0.01, "psnr-y": 1e-6}
T_4 = 3.495
"""The quantile of Student's t with four degrees of freedom that leaves FAMILY / 4 above it."""


def seeds(*values: float, place: Place = FID) -> list[Numbers]:
    return [{place: value} for value in values]


def test_a_row_alone_has_students_interval_for_one_more_value() -> None:
    values = (46.0, 47.0, 48.0, 46.5, 47.5)
    usual = Noise([], OWN).usual(seeds(*values), [FID])[FID]
    assert usual.mean == 47.0
    assert usual.tolerance == pytest.approx(T_4 * statistics.stdev(values) * math.sqrt(1 + 1 / 5), rel=1e-3)
    assert pytest.approx(0.05) == FAMILY


def test_more_numbers_of_a_record_widen_each_ones_interval() -> None:
    row: list[Numbers] = [{FID: 46.0 + n, PSNR: 30.0 + n} for n in range(5)]
    assert Noise([], OWN).usual(row, [FID, PSNR])[FID].tolerance > 1.1 * Noise([], OWN).usual(row, [FID])[FID].tolerance


def test_a_row_that_is_quiet_by_chance_is_widened_by_the_profiles_other_rows() -> None:
    quiet: list[Numbers] = [{FID: 46.0 + 0.01 * n, PSNR: 30.0 + n} for n in range(5)]
    noisy: list[list[Numbers]] = [[{FID: 80.0 + n, PSNR: 25.0 + n} for n in range(5)]] * 3
    alone, among = (Noise(rows, OWN).usual(quiet, [FID, PSNR])[FID] for rows in ([], noisy))
    assert among.tolerance > 10 * alone.tolerance


def test_a_row_that_is_quiet_in_all_its_numbers_is_believed_to_be_so() -> None:
    quiet: list[Numbers] = [{FID: 46.0 + 0.1 * n, PSNR: 30.0 + 0.1 * n} for n in range(5)]
    noisy: list[list[Numbers]] = [[{FID: 80.0 + n, PSNR: 25.0 + n} for n in range(5)]] * 3
    alone, among = (Noise(rows, OWN).usual(quiet, [FID, PSNR])[FID] for rows in ([], noisy))
    assert among.tolerance == pytest.approx(alone.tolerance, rel=0.2)


def test_rows_whose_seeds_are_alike_say_nothing_of_noise() -> None:
    row, still = seeds(46.0, 47.0, 48.0), [seeds(80.0, 80.0, 80.0)]
    assert Noise(still, OWN).usual(row, [FID]) == Noise([], OWN).usual(row, [FID])


def test_no_interval_is_narrower_than_the_metrics_own_tolerance() -> None:
    assert Noise([], OWN).usual(seeds(46.0, 46.0, 46.0), [FID])[FID].tolerance == OWN["fid"]


def test_a_number_that_fewer_than_two_seeds_have_has_no_interval() -> None:
    assert Noise([], OWN).usual([*seeds(46.0), *seeds(math.inf)], [FID]) == {}


def test_seeds_are_alike_within_the_metrics_own_tolerance() -> None:
    assert alike(seeds(46.0, 46.009), [FID], OWN)
    assert not alike(seeds(46.0, 46.011), [FID], OWN)
    assert alike(seeds(math.inf, math.inf), [FID], OWN)


@pytest.fixture
def verify_power(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the benchmark's module, which is no part of the package."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "benchmarks"))
    return pytest.importorskip("verify_power")


def test_honest_runs_are_rejected_in_at_most_one_of_twenty_records(verify_power: ModuleType) -> None:
    found = verify_power.simulate(120, moved=(0, 15))
    assert found["moved by 0"]["all"] <= 0.05
    assert found["moved by 15"]["all"] >= 0.7


def test_a_moved_score_beside_a_training_that_came_out_the_same_is_found(verify_power: ModuleType) -> None:
    assert verify_power.simulate(120, moved=())["repeated, moved by 5"]["all"] >= 0.9


def test_records_agree_with_the_same_seeds_on_another_processor(verify_power: ModuleType) -> None:
    found = dict(verify_power.same_seeds())
    assert len(found) == 6
    assert not any(found.values()), found
