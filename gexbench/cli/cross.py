"""`gexbench cross`: several attacks on several victims, as a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from gexbench.boards.cross import Cross


def cross(
    task: Annotated[str, typer.Option(help="The task, see `gexbench list tasks`.")],
    victims: Annotated[str, typer.Option(help="Victims with commas between, see `gexbench victim list`.")],
    attacks: Annotated[str, typer.Option(help="Attacks or controls with commas between.")],
    profile: Annotated[str, typer.Option(help="The scale: mini, small or paper.")] = "mini",
    budget: Annotated[str | None, typer.Option(help="Images that may be asked: a number, or such as 50%.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many, from 0 on; by default the profile's.")] = None,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")] = False,
) -> None:
    """Run every attack on every victim over seeds, and print the task's main metric as a matrix.

    Runs that are done are taken as they are, killed ones go on. A run that fails is named and leaves a gap.

    Example: `gexbench cross --task latent-fidelity --victims sngan-figures-mini,pggan-figures-mini
    --attacks sngan,pggan --seeds 1`
    """
    from rich.console import Console

    from gexbench import bench
    from gexbench.boards.cross import as_json, make_cross
    from gexbench.cli.curve import failure, run_all
    from gexbench.cli.output import print_json
    from gexbench.plan import Request

    names = {option: _names(option, text) for option, text in (("victims", victims), ("attacks", attacks))}
    request = Request(task, names["attacks"][0], profile=profile, budget=budget)
    catalog, plans = bench.plan_cross(request, names["victims"], names["attacks"], seeds)
    records = run_all(plans, catalog, out, quiet=json)
    found, failed = make_cross(records), [record for record in records if record.status != "ok"]
    if json:
        print_json({**as_json(found), "failed": [failure(record) for record in failed]})
    else:
        console = Console()
        console.print(_table(found))
        for record in failed:
            console.print(f"failed    {record.plan.run_name}: {record.reason}", highlight=False, markup=False)
    if failed:
        raise typer.Exit(3)


def _names(option: str, text: str) -> list[str]:
    from gexbench.errors import PlanError

    names = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not names:
        raise PlanError(f"--{option} {text!r} names none", f"for example --{option} sngan,pggan")
    return names


def _table(found: Cross) -> Table:
    from rich.table import Table
    from rich.text import Text

    head, *lines = found.table()
    table = Table(title=Text(found.title), title_justify="left")
    for number, title in enumerate(head):
        table.add_column(Text(title), justify="right" if number else "left")
    for line in lines:
        table.add_row(*line)
    return table
