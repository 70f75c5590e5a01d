"""`gexbench run`: one attack on one task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def run(
    task: Annotated[str, typer.Option(help="The task, see `gexbench list tasks`.")],
    attack: Annotated[str, typer.Option(help="The attack or control: a name, or a submission's folder.")],
    defense: Annotated[str | None, typer.Option(help="The defense: a name, or a submission's folder.")] = None,
    profile: Annotated[str, typer.Option(help="The scale: mini, small or paper.")] = "mini",
    budget: Annotated[str | None, typer.Option(help="Images that may be asked: a number, or such as 50%.")] = None,
    seed: Annotated[int, typer.Option(help="The seed; boards want 0, 1, 2, …")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="An attack's option, key=value.")] = None,
    set_defense: Annotated[list[str] | None, typer.Option(help="A defense's option, key=value.")] = None,
    victim: Annotated[
        str | None, typer.Option(help="Another victim than the profile's; such a record stands on no board.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Another data set than the profile's; such a record stands on no board.")
    ] = None,
    registry: Annotated[list[Path] | None, typer.Option(help="One more folder of cards.")] = None,
    isolation: Annotated[
        Literal["auto", "none"],
        typer.Option(
            help="auto: sandbox where the system has one. none: all in one process, for debugging; never ranked."
        ),
    ] = "auto",
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where nets run.")] = "auto",
    deadline: Annotated[float | None, typer.Option(help="Seconds the attack may take.")] = None,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="Print the record as JSON, nothing else, on stdout.")] = False,
) -> None:
    """Run an attack on a task: a table, a picture and a record.

    A run that was killed goes on when started again; one that is done is shown again.

    Example: `gexbench run --task sr --attack srresnet --seed 1 --set steps=100`
    """
    from gexbench import bench
    from gexbench.cli.progress import Ticker
    from gexbench.cli.report import report
    from gexbench.plan import Request

    request = Request(
        task,
        attack,
        defense,
        profile,
        budget,
        seed,
        tuple(set_ or ()),
        tuple(set_defense or ()),
        isolation,
        device,
        deadline,
        tuple(registry or ()),
        victim,
        dataset,
    )
    catalog, plan = bench.prepare(request)
    with Ticker(silent=json) as ticker:
        record = bench.run_plan(plan, catalog, out, ticker.tick)
    report(record, out / plan.run_name / "record.json", as_json=json)
    if record.status != "ok":
        raise typer.Exit(3)
