"""`gexbench cross`: several attacks on several victims, as a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexbench.cli.options import Deadline, Device, Isolated, Keep, Registry

if TYPE_CHECKING:
    from rich.table import Table

    from gexbench.boards.cross import Cross


def cross(
    task: Annotated[str, typer.Option(help="The task, see `gexbench list tasks`.")],
    victims: Annotated[str, typer.Option(help="Victims with commas between, see `gexbench victim list`.")],
    attacks: Annotated[str, typer.Option(help="Attacks or controls, names or folders, with commas between.")],
    profile: Annotated[
        str,
        typer.Option(help="The scale: mini, small, paper or wild; by default mini, or the task's only one."),
    ] = "",
    budget: Annotated[str | None, typer.Option(help="Images that may be asked: a number, or such as 50%.")] = None,
    seeds: Annotated[
        str | None, typer.Option(help="How many, from 0 on, or which, such as 0-4; by default the profile's.")
    ] = None,
    defense: Annotated[str | None, typer.Option(help="The defense: a name, or a submission's folder.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="An option of every attack, key=value.")] = None,
    set_defense: Annotated[list[str] | None, typer.Option(help="A defense's option, key=value.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Another data set than the profile's.")] = None,
    registry: Registry = None,
    isolation: Isolated = "auto",
    device: Device = "auto",
    deadline: Deadline = None,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    keep: Keep = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")] = False,
) -> None:
    """Run every attack on every victim over seeds, and print the task's main metric as a matrix.

    Runs that are done are taken as they are, killed ones go on. A run that fails is named and leaves a gap.

    Example: `gexbench cross --task latent-fidelity --victims sngan-figures-mini,pggan-figures-mini
    --attacks sngan,pggan --seeds 1`
    """
    from rich.console import Console

    from gexbench.boards.cross import as_json, make_cross
    from gexbench.cli.curve import failure
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import each_run
    from gexbench.cli.several import how_many
    from gexbench.foreign_text import shown
    from gexbench.plan import Request
    from gexbench.sweeps.plans import Sweep, plan_all
    from gexbench.sweeps.work import Work, run_all

    copied, copying = _names("victims", victims), _names("attacks", attacks)
    request = Request(
        task,
        copying[0],
        defense,
        profile,
        budget,
        settings=tuple(set_ or ()),
        defense_settings=tuple(set_defense or ()),
        isolation=isolation,
        device=device,
        deadline=deadline,
        folders=tuple(registry or ()),
        dataset=dataset,
    )
    catalog, plans = plan_all(Sweep(request, victims=copied, attacks=copying, seeds=how_many(seeds)))
    records = run_all(plans, Work(catalog, out, each_run(len(plans), silent=json), keep))
    found, failed = make_cross(records), [record for record in records if record.status != "ok"]
    if json:
        print_json({**as_json(found), "failed": [failure(record) for record in failed]})
    else:
        console = Console()
        console.print(_table(found))
        for record in failed:
            console.print(f"failed    {record.plan.run_name}: {shown(record.reason)}", highlight=False, markup=False)
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
        table.add_row(*map(Text, line))
    return table
