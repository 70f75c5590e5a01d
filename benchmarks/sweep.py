"""What sweeps cost beside their runs: executors on tiny runs, bookkeeping on runs that do nothing, and the forecast.

    python benchmarks/sweep.py [--runs 48] [--plans 10000] [--forecast 20] [--executors serial,local,ray] [--write]

Tiny runs: the same sweep of sr at `mini` (bicubic, and srresnet of two steps, at 16 questions) by each executor, two at
once where it can. Their records must be the same but for times, hosts and paths. Overhead is what passes between the
end of a run and the begin of the next one in its place, a mean over all that had one before them. Lost is what is not
the runs' own seconds from the first begin on: (seconds since then x at once - sum of the runs') / runs; beside the
overhead it has the time in which the last run has nobody beside it.
Nothing: plans of runs that sleep for a millisecond, planned and kept account of. Forecast: what `--dry-run` says of
runs of sr, when one of each has been made, against what they take. --write writes benchmarks/results/sweep.json; do
that on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gexbench.bench import Progress
from gexbench.boards.published import published_root
from gexbench.cards.catalog import Catalog
from gexbench.engine.machine import hardware, provenance
from gexbench.engine.run.run_folder import RunFolder
from gexbench.plan import Plan, Request
from gexbench.record import RunRecord, read_record
from gexbench.sweeps.campaign import Campaign
from gexbench.sweeps.executors import Setup, choose
from gexbench.sweeps.forecast import Timings, forecast
from gexbench.sweeps.plans import Sweep, plan_all
from gexbench.sweeps.work import Work

VARYING = {"started", "seconds", "peak_memory_bytes", "provenance", "seal", "attack_report"}
"""Of a record: when, how long and where. Its scores, its account and the hashes of what it kept are none of these."""
TINY = Request("sr", "bicubic", budget="16")


@cache
def some_record() -> RunRecord:
    """Return any published record."""
    return read_record(min(published_root().glob("sr/records/*.json")))


def nap(plan: Plan, catalog: Catalog, out: Path, progress: Progress) -> RunRecord:
    """Sleep for a millisecond; nothing is written."""
    time.sleep(0.001)
    return some_record().model_copy(update={"id": plan.id, "plan": plan})


def nap_on_disk(plan: Plan, catalog: Catalog, out: Path, progress: Progress) -> RunRecord:
    """Sleep for a millisecond in a run folder of its own, under its lease, and write a record."""
    folder = RunFolder(out / plan.run_name)
    with folder.locked():
        folder.open(plan)
        return folder.put_record(nap(plan, catalog, out, progress))


def tiny(runs: int) -> Sweep:
    """Return a sweep of about as many tiny runs."""
    return Sweep(TINY, attacks=("bicubic", "srresnet"), options={"steps": ("2",)}, seeds=range(max(1, runs // 2)))


def of_executor(name: Any, sweep: Sweep, out: Path) -> tuple[dict[str, Any], list[RunRecord]]:
    """Return what an executor costs, and the records."""
    catalog, plans = plan_all(sweep)
    chosen = choose(Setup(name, None if name == "serial" else 2))
    begin, heard = time.perf_counter(), list[float]()
    begun = list[float]()
    for ended in Campaign(Work(catalog, out), chosen.executor)(plans):
        if ended.failed:
            raise SystemExit(f"{name}: {ended.end}")
        heard.append(time.perf_counter())
        begun.append(heard[-1] - ended.seconds)
    begun.sort()
    spent = sum(heard) - sum(begun)
    between = [later - earlier for later, earlier in zip(begun[chosen.width :], heard, strict=False)]
    cost = {
        "runs": len(plans),
        "at_once": chosen.width,
        "start_s": round(begun[0] - begin, 2),
        "run_s": round(spent / len(plans), 2),
        "overhead_s": round(sum(between) / max(1, len(between)), 3),
        "lost_s": round(((heard[-1] - begun[0]) * min(chosen.width, len(plans)) - spent) / len(plans), 3),
    }
    return cost, [read_record(out / plan.run_name / "record.json") for plan in plans]


def unlike(one: Sequence[RunRecord], other: Sequence[RunRecord]) -> list[str]:
    """Return in what records differ that should be the same."""
    found: set[str] = set()
    for a, b in zip(one, other, strict=True):
        left, right = (record.model_dump(mode="json") for record in (a, b))
        found |= {key for key in left if key not in VARYING and left[key] != right[key]}
    return sorted(found)


def of_nothing(plans: int, run: Callable[..., RunRecord], out: Path, name: Any = "serial") -> dict[str, Any]:
    """Return what planning and keeping account of runs that do nothing takes, a tenth of the plans and all of them."""
    begin = time.perf_counter()
    catalog, made = plan_all(Sweep(Request("sr", "srresnet"), seeds=range(plans)))
    planned = time.perf_counter() - begin
    told: dict[str, Any] = {"plans": plans, "planning_s": round(planned, 2)}
    for count in (plans // 10, plans):
        begin = time.perf_counter()
        chosen = choose(Setup(name, None if name == "serial" else 2))
        work = Work(catalog, out / str(count), run=run)
        failed = sum(ended.failed for ended in Campaign(work, chosen.executor)(made[:count]))
        told[f"ms_a_run_of_{count}"] = round(1e3 * (time.perf_counter() - begin) / count, 3)
        told[f"peak_rss_mb_after_{count}"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
        told["failed"] = failed
    return told


def of_forecast(runs: int, out: Path) -> dict[str, Any]:
    """Return what is expected of runs, one of each kind being done, and what they take."""
    catalog, plans = plan_all(Sweep(Request("sr", "bicubic"), attacks=("bicubic", "srresnet"), seeds=range(runs // 2)))
    first = [plan for plan in plans if plan.seed == 0]
    campaign = Campaign(Work(catalog, out), choose(Setup()).executor)
    list(campaign(first))
    expected = forecast(plans, {plan.id for plan in first}, Timings.of(plans, out), 1).seconds
    begin = time.perf_counter()
    list(campaign(plans))
    took = time.perf_counter() - begin
    return {"runs": len(plans) - len(first), "expected_s": round(expected, 1), "took_s": round(took, 1)}


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=48)
    parser.add_argument("--plans", type=int, default=10000)
    parser.add_argument("--forecast", type=int, default=20)
    parser.add_argument("--executors", default="serial,local,ray")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # so that runs are the same, however many are at once
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        if given.plans:
            told["nothing"] = of_nothing(given.plans, nap, here / "nothing")
            told["nothing_on_disk"] = of_nothing(given.plans // 10, nap_on_disk, here / "disk")
            told["nothing_local"] = of_nothing(given.plans, nap, here / "local", "local")
            print(json.dumps(told, indent=1), flush=True)
        first: list[RunRecord] = []
        for name in given.executors.split(",") if given.runs else ():
            told[name], records = of_executor(name, tiny(given.runs), here / name)
            first = first or records
            told[name]["differs_in"] = unlike(first, records)
            print(json.dumps({name: told[name]}), flush=True)
        if given.forecast:
            told["forecast"] = of_forecast(given.forecast, here / "forecast")
            print(json.dumps({"forecast": told["forecast"]}), flush=True)
    if given.write:
        kept = {
            "command": " ".join(["python benchmarks/sweep.py", *(word for word in sys.argv[1:] if word != "--write")]),
            "machine": f"{hardware.processor()}, {os.cpu_count()} cores, {provenance.system()}",
            "date": datetime.date.today().isoformat(),
            "libraries": provenance.versions(),
            "numbers": told,
        }
        file = Path(__file__).parent / "results" / "sweep.json"
        file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 1 if any(isinstance(part, dict) and part.get("differs_in") for part in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
