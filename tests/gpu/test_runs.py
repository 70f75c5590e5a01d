"""Runs at mini on a device against the same on the CPU; see conftest.

GEXBENCH_PAGE_TASKS names tasks, as a,b, where not all are wanted.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import TaskCard
from gexbench.plan import Plan, Request
from gexbench.record import RunRecord
from gexbench.sweeps.campaign import Campaign
from gexbench.sweeps.local import Local
from gexbench.sweeps.work import Work
from gpu.page import Page

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]
CATALOG = Catalog.load()
MINI = [name for name, filed in CATALOG.all(TaskCard).items() if "mini" in filed.card.profile]
VICTIM_SCORE, COPY_SCORE = 0.02, 0.15
"""How far scores may lie, as a share: the victim's against the truth, and those of a surrogate hardly trained."""
SHORT = {"steps": "20", "pool_steps": "20"}
ATTACKS = {
    "sr": "srresnet",
    "monet2photo": "pix2pix",
    "selfie2anime": "pix2pix",
    "stylegan-transfer": "stylegan-transfer",
}


@pytest.fixture(scope="session")
def records(device: str, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], RunRecord | Exception]:
    """Run an attack of a few steps on each task at mini, on the CPU and on the device, some side by side."""
    plans, out = dict[tuple[str, str], Plan](), tmp_path_factory.mktemp("runs")
    wanted = os.environ.get("GEXBENCH_PAGE_TASKS", ",".join(MINI)).split(",")
    for task in wanted:
        attack = ATTACKS.get(task, "sngan")
        for kind, where in (("cpu", "cpu"), ("device", device)):
            asked = Request(
                task, attack, budget=str(CATALOG.get(TaskCard, task).profile["mini"].budgets[0]), device=where
            )
            _, plan = bench.prepare(asked)
            settings = tuple(f"{key}={SHORT[key]}" for key in SHORT if key in plan.options)
            # of another seed where both are the CPU, so that they are two runs
            asked = replace(asked, settings=settings, seed=int(kind == "device" and where == "cpu"))
            _, plans[task, kind] = bench.prepare(asked)
    jobs = max(1, len(os.sched_getaffinity(0)) // 3)
    ends = {ended.id: ended.end for ended in Campaign(Work(CATALOG, out), Local(jobs), 0)(list(plans.values()))}
    return {key: ends[plan.id] for key, plan in plans.items()}


@pytest.mark.parametrize("task", MINI)
def test_a_run_at_mini_scores_as_on_the_cpu(
    page: Page, device: str, records: dict[tuple[str, str], RunRecord | Exception], task: str
) -> None:
    if (task, "cpu") not in records:
        pytest.skip("left out by GEXBENCH_PAGE_TASKS")
    cpu, other = (ended(records[task, kind]) for kind in ("cpu", "device"))
    apart = {(s.metric, s.compare): distance(s.value, other.score(s.metric, s.compare)) for s in cpu.scores}
    metric = next(name for name in cpu.plan.measured if any(name == key for key, _ in apart))
    victims = [value for (name, compare), value in apart.items() if (name, compare) == (metric, "A")]
    copies = [value for (name, compare), value in apart.items() if name == metric and compare != "A"]
    page.add(
        "runs of a few steps at mini",
        task=task, metric=metric, victim_apart=max(victims, default=0.0), copy_apart=max(copies, default=0.0),
        cpu_s=sum(cpu.seconds.values()), device_s=sum(other.seconds.values()),
        peak_gb=sum(other.peak_memory_bytes.values()) / 1e9,
    )  # fmt: skip
    assert max(victims, default=0.0) <= VICTIM_SCORE
    if device == "cuda":  # else another seed
        assert max(copies, default=0.0) <= COPY_SCORE


def distance(one: float, other: float | None) -> float:
    return float("inf") if other is None else abs(one - other) / max(abs(one), 1e-9)


def ended(found: RunRecord | Exception) -> RunRecord:
    assert isinstance(found, RunRecord), str(found)
    assert (found.status, found.reason, found.incidents) == ("ok", "", ())
    return found
