"""What runs will take, as others tell."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records, changed, record_of, save, write_registry

from gexbench.boards import published
from gexbench.plan import Plan
from gexbench.record import RunRecord
from gexbench.sweeps import forecast as module
from gexbench.sweeps.forecast import BENCH_BYTES, Timings, Took, forecast


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.setattr(module, "published_root", lambda: tmp_path / "boards")
    return Records(write_registry(tmp_path / "registry"))


def took(plan: Plan, seconds: float, own: bool = False, **more: Any) -> Took:
    known = {"extract": 0.0, "answered": 1.0, "memory": 0, "disk": 7 if own else None}
    return Took(plan, seconds, own=own, **{**known, **more})


def publish(record: RunRecord, root: Path) -> None:
    file = root / "boards" / "sr" / "records" / f"{record.plan.run_name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(record.model_dump_json())


def test_the_nearest_runs_tell(records: Records) -> None:
    known = [
        took(records.plan(seed=1), 10.0),
        took(records.plan(seed=2), 20.0),
        took(records.plan(budget="50%"), 5.0),
        took(records.plan(defense="jpeg"), 99.0),
        took(records.plan("copycat"), 3.0),
    ]
    timings = Timings(known)
    assert timings.expected(records.plan(seed=7)).seconds == 15.0
    assert timings.expected(records.plan(budget="50")).seconds == 5.0
    assert timings.expected(records.plan(budget="70")).seconds == pytest.approx(35 / 3)
    assert timings.expected(records.plan("copycat", defense="jpeg")).seconds == 3.0
    assert timings.expected(records.plan("bicubic")).seconds is None


def test_runs_of_ones_own_tell_before_published_ones_and_how_much_faster_this_machine_is(records: Records) -> None:
    known = [
        took(records.plan(), 10.0),
        took(records.plan(), 20.0, own=True),
        took(records.plan(defense="jpeg"), 30.0),
    ]
    timings = Timings(known)
    assert timings.expected(records.plan(seed=3)).seconds == 20.0
    assert timings.expected(records.plan(seed=3)).own
    assert timings.expected(records.plan(defense="jpeg")).seconds == 60.0


def test_steps_stretch_the_attack_alone(records: Records) -> None:
    timings = Timings([took(records.plan(settings=("steps=100",)), 30.0, extract=20.0)])
    assert timings.expected(records.plan(settings=("steps=400",))).seconds == 90.0


def test_queries_cost_what_was_answered_or_what_may_be_asked(records: Records) -> None:
    timings = Timings([took(records.plan(), 1.0, answered=0.5)])
    assert timings.expected(records.plan()).usd == 0.5
    assert Timings([]).expected(records.plan()).usd == 1.0
    assert Timings([]).expected(records.plan("bicubic")).usd == 0.0
    assert Timings([]).expected(records.plan("victim")).usd == 0.0


def test_records_here_and_published_are_read_and_what_is_none_is_passed_over(tmp_path: Path, records: Records) -> None:
    own = changed(
        changed(record_of(records.plan()), "seconds", {"extract": 8.0}), "peak_memory_bytes", {"a": 1, "b": 2}
    )
    file = save(own, tmp_path / "runs") / "record.json"
    begun = datetime.fromisoformat(own.started).timestamp()
    os.utime(file, (begun + 10, begun + 10))
    (file.parent / "more").write_bytes(b"x" * 1000)
    save(changed(record_of(records.plan(seed=1)), "status", "failed"), tmp_path / "runs")
    (tmp_path / "runs" / "sr-srresnet-x").mkdir()
    (tmp_path / "runs" / "sr-srresnet-x" / "record.json").write_text("{}")
    publish(changed(record_of(records.plan("copycat")), "seconds", {"extract": 4.0}), tmp_path)
    plans = [records.plan(seed=5), records.plan("copycat")]
    timings = Timings.of(plans, tmp_path / "runs")
    mine, theirs = map(timings.expected, plans)
    assert (mine.seconds, mine.memory, mine.own) == (10.0, 3 + BENCH_BYTES, True)
    assert mine.disk == file.stat().st_size + 1000
    assert (theirs.seconds, theirs.disk, theirs.own) == (4.0, None, False)


@pytest.mark.parametrize("late", [-100.0, 1.0, 1e6])
def test_a_clock_that_was_set_or_a_copy_does_not_count(tmp_path: Path, records: Records, late: float) -> None:
    own = changed(record_of(records.plan()), "seconds", {"extract": 8.0})
    file = save(own, tmp_path / "runs") / "record.json"
    begun = datetime.fromisoformat(own.started).timestamp()
    os.utime(file, (begun + late, begun + late))
    assert Timings.of([own.plan], tmp_path / "runs").expected(own.plan).seconds == 8.0


def test_a_forecast_is_of_what_is_left(records: Records) -> None:
    plans = [records.plan(seed=seed) for seed in range(5)] + [records.plan("bicubic")]
    known = Timings([took(plans[0], 7200.0, own=True, disk=100)])
    found = forecast(plans, {plans[0].id}, known, jobs=2)
    assert (found.runs, found.done, found.untimed, found.unsized, found.own) == (6, 1, 1, 1, 4)
    assert (found.hours, found.seconds, found.usd, found.disk) == (4.0, 28800.0, 4.0, 400)


def test_many_at_once_end_no_sooner_than_the_longest(records: Records) -> None:
    plans = [records.plan(), records.plan("copycat")]
    found = forecast(plans, set(), Timings([took(plans[0], 3600.0), took(plans[1], 36.0)]), jobs=100)
    assert found.hours == 1.0


def test_without_published_boards_only_runs_here_tell(
    tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "published_root", published.published_root)
    monkeypatch.setattr(published, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    assert Timings.of([records.plan()], tmp_path).expected(records.plan()).seconds is None
