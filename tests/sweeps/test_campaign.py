"""A sweep from its plans to the last record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from record_factory import Records, changed, record_of, save, write_registry

from gexbench.bench import Progress
from gexbench.cards.catalog import Catalog
from gexbench.errors import Busy, OutputError
from gexbench.plan import Plan
from gexbench.record import RunRecord
from gexbench.sweeps.campaign import Campaign
from gexbench.sweeps.work import Ended, Work, serially


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(write_registry(tmp_path / "registry"))


def plans_of(records: Records, seeds: int) -> list[Plan]:
    return [records.plan(seed=seed) for seed in range(seeds)]


class Bench:
    """Ends runs as told: by seed, what each attempt ends with, the last again and again."""

    def __init__(self, **ends: Sequence[RunRecord | Exception | None]) -> None:
        self.ends, self.tried, self.order = ends, Counter[int](), list[int]()

    def __call__(self, plan: Plan, catalog: Catalog, out: Path, progress: Progress) -> RunRecord:
        """Return or raise what is next."""
        told = self.ends.get(f"s{plan.seed}", [None])
        end = told[min(self.tried[plan.seed], len(told) - 1)]
        self.tried[plan.seed] += 1
        self.order.append(plan.seed)
        if isinstance(end, Exception):
            raise end
        return record_of(plan) if end is None else end


def test_each_plan_ends_once_and_what_is_done_is_left(tmp_path: Path, records: Records) -> None:
    plans, bench = plans_of(records, 4), Bench()
    save(record_of(plans[2]), tmp_path)
    ends = list(Campaign(Work(records.catalog, tmp_path, run=bench), serially)(plans))
    assert [ended.id for ended in ends] == [plans[at].id for at in (2, 0, 1, 3)]
    assert [ended.seconds > 0 for ended in ends] == [False, True, True, True]
    assert bench.order == [0, 1, 3]


def test_what_lacks_a_metric_is_not_done_and_neither_is_what_failed_was_edited_or_is_another_runs(
    tmp_path: Path, records: Records
) -> None:
    plans, bench = plans_of(records, 4), Bench()
    save(record_of(plans[0]), tmp_path).rename(tmp_path / plans[3].run_name)
    save(changed(record_of(plans[0]), "absent", {"fid": "no weights"}), tmp_path)
    save(changed(record_of(plans[1]), "status", "failed"), tmp_path)
    file = save(record_of(plans[2]), tmp_path) / "record.json"
    file.write_text(file.read_text().replace('"answered": 100', '"answered": 99'))
    list(Campaign(Work(records.catalog, tmp_path, run=bench), serially)(plans))
    assert bench.order == [0, 1, 2, 3]


def test_what_fails_is_tried_again_after_the_others(tmp_path: Path, records: Records) -> None:
    plans = plans_of(records, 3)
    failed = changed(record_of(plans[1]), "status", "failed")
    bench = Bench(s0=[OutputError("no space"), None], s1=[failed])
    ends = {e.id: e for e in Campaign(Work(records.catalog, tmp_path, run=bench), serially, retries=2)(plans)}
    assert bench.order == [0, 1, 2, 0, 1, 1]
    assert [ends[plan.id].failed for plan in plans] == [False, True, False]
    assert ends[plans[1].id].end == failed


def test_without_retries_a_run_has_one_chance(tmp_path: Path, records: Records) -> None:
    bench = Bench(s0=[OutputError("no space"), None])
    ends = list(Campaign(Work(records.catalog, tmp_path, run=bench), serially, retries=0)(plans_of(records, 1)))
    assert [str(ended.end) for ended in ends] == ["no space"]


def test_what_others_have_at_work_is_waited_for_and_costs_no_try(tmp_path: Path, records: Records) -> None:
    pauses: list[float] = []
    bench = Bench(s0=[*[Busy("another")] * 7, None], s1=[Busy("another"), None])
    campaign = Campaign(Work(records.catalog, tmp_path, run=bench), serially, retries=0, pause=pauses.append)
    ends = list(campaign(plans_of(records, 3)))
    assert [ended.failed for ended in ends] == [False] * 3
    assert bench.order == [0, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0]
    assert pauses == [5.0, 10.0, 20.0, 60.0, 60.0]


def test_a_plan_that_the_executor_forgets_has_failed(tmp_path: Path, records: Records) -> None:
    def forgetful(work: Callable[[Plan], Ended], plans: Sequence[Plan]) -> Iterator[Ended]:
        yield work(plans[0])

    plans = plans_of(records, 2)
    ends = list(Campaign(Work(records.catalog, tmp_path, run=Bench()), forgetful, retries=0)(plans))
    assert [ended.failed for ended in ends] == [False, True]
    assert "did not say" in str(ends[1].end)
