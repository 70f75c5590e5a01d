"""Several runs by one command: what the lists on the command line mean, and the table of what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from gexbench.boards.label import defense_label
from gexbench.cards.fields import Compare
from gexbench.cli.curve import failure
from gexbench.cli.output import print_json
from gexbench.cli.progress import each_run
from gexbench.errors import PlanError
from gexbench.foreign_text import shown
from gexbench.sweeps.exclude import NO_DEFENSE
from gexbench.sweeps.file import MOST_SEEDS, seeds_of
from gexbench.sweeps.plans import Sweep, plan_all
from gexbench.sweeps.work import Work, run_all

if TYPE_CHECKING:
    from rich.table import Table

    from gexbench.plan import Request
    from gexbench.record import RunRecord


def is_list(*given: str | None) -> bool:
    """Say whether one of the options names several things."""
    return any(text is not None and "," in text for text in given)


def swept(request: Request, seeds: str | None, strengths: bool = False) -> Sweep:
    """Return the runs of a request whose task, attack, defense and budget may be lists with commas between.

    seeds: such as "0-4", "0,3" or "all", those that the profile wants; None leaves the request's own. The defense
    `none` is none. strengths: see Sweep. Raises PlanError where a list names nothing, and for strengths of no defense.
    """
    tasks, attacks = words("task", request.task), words("attack", request.attack)
    defenses = [] if request.defense is None else words("defense", request.defense)
    budgets = [] if request.budget is None else words("budget", request.budget)
    if strengths and not defenses:
        raise PlanError("--strengths are a defense's, and none was named", "name one with --defense")
    first = None if not defenses or defenses[0] == NO_DEFENSE else defenses[0]
    return Sweep(
        replace(request, task=tasks[0], attack=attacks[0], defense=first, budget=budgets[0] if budgets else None),
        tasks=tasks,
        attacks=attacks,
        defenses=[None if name == NO_DEFENSE else name for name in defenses],
        budgets=budgets,
        seeds=() if seeds is None else numbers(seeds),
        strengths=strengths,
    )


def words(option: str, text: str) -> list[str]:
    """Return the names of a list with commas between, each once; raises PlanError where there is none."""
    names = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not names:
        raise PlanError(f"--{option} {text!r} names none", f"for example --{option} a,b")
    return names


def numbers(text: str) -> list[int] | Literal["all"]:
    """Return the seeds of a text such as "0-4" or "0,3", each once; raises PlanError for any other."""
    return seeds_of(tuple(words("seeds", text)))


def how_many(text: str | None) -> list[int] | Literal["all"]:
    """Return the seeds of a text that may also be a number, of how many from 0 on; None for all of the profile."""
    if text is None:
        return "all"
    if not text.strip().isdecimal():
        return numbers(text)
    if int(text) not in range(1, MOST_SEEDS + 1):
        raise PlanError(f"--seeds {text!r} is no number of seeds", f"from 1 to {MOST_SEEDS}, or such as 0-4")
    return list(range(int(text)))


def run_several(sweep: Sweep, out: Path, keep: bool, as_json: bool) -> None:
    """Run them all one after the other, print a table or one JSON document, and exit with 3 where one failed."""
    catalog, plans = plan_all(sweep)
    records = run_all(plans, Work(catalog, out, each_run(len(plans), silent=as_json), keep))
    failed = [record for record in records if record.status != "ok"]
    if as_json:
        found = [record.model_dump(mode="json") for record in records if record.status == "ok"]
        print_json({"records": found, "failed": [failure(record) for record in failed]})
    else:
        _show(records, failed, out)
    if failed:
        raise typer.Exit(3)


def _show(records: Sequence[RunRecord], failed: Sequence[RunRecord], out: Path) -> None:
    from rich.console import Console

    console = Console()
    console.print(_table(records))
    lines = [f"failed    {record.plan.run_name}: {shown(record.reason)}" for record in failed]
    for line in (*lines, f"records   {out}"):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _table(records: Sequence[RunRecord]) -> Table:
    """Return each run's main number, a row a run and a column a comparison; means over test splits."""
    from rich.table import Table

    compares: list[Compare] = ["A", "B", "C"]
    table = Table("task", "attack", "defense", "budget", "seed", "metric", title_justify="left")
    for compare in compares:
        table.add_column(compare, justify="right")
    for record in records:
        plan, metric = record.plan, record.plan.task.main.metric
        cells = (
            [_cell(record, metric, compare) for compare in compares] if record.status == "ok" else ["failed", "", ""]
        )
        what = (plan.task.name, plan.attack.name, defense_label(plan) or NO_DEFENSE)
        table.add_row(*what, str(plan.budget), str(plan.seed), metric, *cells)
    return table


def _cell(record: RunRecord, metric: str, compare: Compare) -> str:
    value = record.score(metric, compare)
    return "—" if value is None else f"{value:.4g}"
