"""Doing many runs: what becomes of each, wherever it is done."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from record_factory import Records, changed, record_of, stand_in

from gexbench import bench
from gexbench.bench import Progress
from gexbench.cards.catalog import Catalog
from gexbench.errors import AssetMissing, RunFailed
from gexbench.plan import Identity, Plan, Request
from gexbench.record import RunRecord
from gexbench.sweeps.plans import Sweep, plan_all
from gexbench.sweeps.work import Ended, Work, run_all

BASE = Request("sr", "srresnet")


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    return stand_in(tmp_path, monkeypatch)


@pytest.fixture
def started(records: Records, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let runs end at once, those of copycat without success and of bicubic with the machine's error."""
    plans: list[Plan] = []

    def run(plan: Plan, catalog: Catalog, out: Path, progress: Progress, keep: bool) -> RunRecord:
        plans.append(plan)
        progress("training", 1, 2)
        if plan.attack.name == "bicubic":
            raise AssetMissing("no weights", "fetch them")
        return changed(record_of(plan), "status", "failed" if plan.attack.name == "copycat" else "ok")

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def run_everything(catalog: Catalog, plans: Sequence[Plan]) -> list[RunRecord]:
    return run_all(plans, Work(catalog, Path("out")))


def planned(*attacks: str) -> tuple[Catalog, list[Plan]]:
    return plan_all(Sweep(BASE, attacks=attacks))


def test_records_come_in_the_order_of_the_plans(started: list[Plan]) -> None:
    catalog, plans = planned("srresnet", "copycat")
    records = run_all(plans, Work(catalog, Path("out")))
    assert [record.plan for record in records] == plans == started
    assert [record.status for record in records] == ["ok", "failed"]


def test_a_run_the_machine_stops_gives_a_failed_record_and_the_others_go_on(started: list[Plan]) -> None:
    catalog, plans = planned("bicubic", "srresnet")
    lost, well = run_all(plans, Work(catalog, Path("out")))
    assert len(started) == 2
    assert (lost.status, lost.reason, lost.id) == ("failed", "no weights (fetch them)", plans[0].id)
    assert (lost.scores, lost.account.answered, well.status) == ((), 0, "ok")
    assert RunRecord.model_validate_json(lost.model_dump_json()) == lost


@pytest.mark.usefixtures("started")
def test_where_no_run_got_further_its_error_is_raised() -> None:
    with pytest.raises(AssetMissing, match="no weights"):
        run_everything(*planned("bicubic"))
    assert run_all([], Work(planned()[0], Path("out"))) == []


def test_a_bug_in_one_run_is_named_and_does_not_stop_the_others(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(plan: Plan, *_: object) -> RunRecord:
        if plan.seed == 0:
            raise ZeroDivisionError("by zero")
        return record_of(plan)

    monkeypatch.setattr(bench, "run_plan", run)
    catalog, plans = plan_all(Sweep(BASE, seeds=(0, 1)))
    assert [record.reason for record in run_all(plans, Work(catalog, Path()))] == [
        "unexpected ZeroDivisionError: by zero",
        "",
    ]


@pytest.mark.usefixtures("records")
def test_an_interrupt_is_not_a_failed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> RunRecord:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run_plan", run)
    with pytest.raises(KeyboardInterrupt):
        run_everything(*planned())


@pytest.mark.usefixtures("started")
def test_each_run_is_entered_and_left_by_who_watches() -> None:
    seen: list[object] = []

    @contextmanager
    def watch(plan: Plan) -> Iterator[Progress]:
        seen.append(plan.attack.name)
        yield lambda *tick: seen.append(tick)
        seen.append("left")

    catalog, plans = planned("srresnet", "copycat")
    run_all(plans, Work(catalog, Path("out"), watch))
    tick = ("training", 1, 2)
    assert seen == ["srresnet", tick, "left", "copycat", tick, "left"]


def test_work_and_plans_can_be_sent_to_another_process(started: list[Plan]) -> None:
    def elsewhere(work: Callable[[Plan], Ended], plans: Sequence[Plan]) -> Iterator[Ended]:
        for message in [pickle.dumps((work, plan)) for plan in plans]:
            there, plan = pickle.loads(message)
            yield pickle.loads(pickle.dumps(there(plan)))

    catalog, plans = planned("srresnet", "bicubic")
    records = run_all(plans, Work(catalog, Path("out")), elsewhere)
    assert [record.id for record in records] == [plan.id for plan in started]
    assert records[1].reason == "no weights (fetch them)"


def test_a_plan_file_is_a_unit_of_work_too(started: list[Plan], tmp_path: Path) -> None:
    def by_file(work: Callable[[Plan], Ended], plans: Sequence[Plan]) -> Iterator[Ended]:
        for plan in plans:
            file = tmp_path / f"{plan.run_name}.json"
            file.write_text(plan.model_dump_json(), encoding="utf-8")
            lost = Ended(plan.id, RunFailed("the node went away"))
            yield lost if plan.attack.name == "copycat" else work(bench.prepare_file(file)[1])

    catalog, plans = planned("srresnet", "copycat")
    records = run_all(plans, Work(catalog, Path("out")), by_file)
    assert started == plans[:1]
    assert [record.reason for record in records] == ["", "the node went away"]


@pytest.mark.usefixtures("started")
def test_an_executor_that_loses_a_run_is_found_out() -> None:
    catalog, plans = planned("srresnet", "copycat")
    with pytest.raises(KeyError):
        run_all(plans, Work(catalog, Path("out")), lambda work, plans: [work(plans[0])])


@pytest.mark.parametrize("field", ["code", "victim_weights", "dataset_pins", "plug_ins"])
def test_a_run_whose_files_are_others_than_when_it_was_planned_is_not_begun(
    records: Records, started: list[Plan], monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    catalog, plans = planned("srresnet")
    other: Identity = replace(records.identity, **{field: {"attack": "x"} if field == "plug_ins" else "x"})
    monkeypatch.setattr(bench, "identify", lambda request, catalog: other)
    ended = Work(catalog, Path("out"))(plans[0])
    assert isinstance(ended.end, Exception)
    assert re.search(r"was planned with (other|another) .* than is here now", str(ended.end))
    assert started == []
