"""`gexbench run`: one attack on one task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gexbench.cli.options import Deadline, Device, Isolated, Keep, Registry, Trust

BESIDE_A_PLAN = {"plan", "victim", "registry", "trust", "out", "fresh", "keep", "json"}


def run(
    context: typer.Context,
    task: Annotated[str | None, typer.Option(help="The task, see `gexbench list tasks`; or several, as a,b.")] = None,
    attack: Annotated[
        str | None, typer.Option(help="The attack or control: a name, or a submission's folder; or several.")
    ] = None,
    defense: Annotated[
        str | None, typer.Option(help="The defense: a name, or a submission's folder; or several, `none` among them.")
    ] = None,
    profile: Annotated[
        str,
        typer.Option(help="The scale: mini, small, paper or wild; by default mini, or the task's only one."),
    ] = "",
    budget: Annotated[
        str | None, typer.Option(help="Images that may be asked: a number, or such as 50%; or several.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed; boards want 0, 1, 2, …")] = 0,
    seeds: Annotated[
        str | None, typer.Option(help="Several seeds: such as 0-4, or 0,3, or all that the profile wants.")
    ] = None,
    strengths: Annotated[
        bool, typer.Option("--strengths", help="Meet each defense at every strength that its card names.")
    ] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="An attack's option, key=value.")] = None,
    set_defense: Annotated[list[str] | None, typer.Option(help="A defense's option, key=value.")] = None,
    victim: Annotated[
        str | None,
        typer.Option(help="Another victim than the profile's, or a file or address of yours."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Another data set than the profile's; such a record stands on no board.")
    ] = None,
    registry: Registry = None,
    trust: Trust = False,
    isolation: Isolated = "auto",
    device: Device = "auto",
    deadline: Deadline = None,
    plan: Annotated[
        Path | None, typer.Option(help="Run what a plan.json says, and nothing else; instead of --task and --attack.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew; the folder of an earlier run of this plan is renamed.")
    ] = False,
    keep: Keep = True,
    json: Annotated[bool, typer.Option("--json", help="Print the record as JSON, nothing else, on stdout.")] = False,
) -> None:
    """Run an attack on a task: a table, a picture and a record.

    Give --task and --attack, or --plan: such a file stands in every run's folder. A run that was killed goes on when
    started again. One that is finished is shown again; what it could not measure is measured where weights came since.
    Lists with commas between, --seeds and --strengths give every combination, one run after the other.

    Example: `gexbench run --task sr --attack srresnet --seed 1 --set steps=100`, or
    `gexbench run --task sr --attack srresnet,bicubic --seeds 0-4`
    """
    from gexbench import bench
    from gexbench.cli import several
    from gexbench.cli.progress import Ticker
    from gexbench.cli.report import report
    from gexbench.errors import PlanError
    from gexbench.plan import Request

    folders = tuple(registry or ())
    if plan is not None:
        _refuse_others(context)
        catalog, chosen = bench.prepare_file(plan, folders, victim, trust)
    elif task is None or attack is None:
        missing = "--task" if task is None else "--attack"
        raise PlanError(f"{missing} is missing", "give --task and --attack, or --plan")
    else:
        settings, against = tuple(set_ or ()), tuple(set_defense or ())
        request = Request(task, attack, defense, profile, budget, seed, settings, against, isolation, device, deadline)
        request = replace(request, folders=folders, victim=victim, dataset=dataset, trust=trust)
        if strengths or seeds is not None or several.is_list(task, attack, defense, budget):
            _refuse_beside_several(context, fresh, trust)
            several.run_several(several.swept(request, seeds, strengths), out, keep, as_json=json)
            return
        catalog, chosen = bench.prepare(request)
    if chosen.budget not in chosen.scale.budgets:
        taken = ", ".join(map(str, chosen.scale.budgets))
        typer.echo(f"note      no board takes {chosen.budget} images, only {taken}", err=True)
    if dataset is None and chosen.dataset.name != chosen.scale.dataset and plan is None:
        typer.echo(
            f"note      GEXBENCH_DATA is not set: {chosen.dataset.name} stands in for {chosen.scale.dataset}, "
            "and no board takes it",
            err=True,
        )
    if chosen.dataset.is_read_by_others:
        typer.echo(f"note      {chosen.dataset.reader} is trusted beside the truth, and no board ranks it", err=True)
    file = out / chosen.run_name / "record.json"
    if fresh:
        _set_aside(file.parent)
    finished = not fresh and _is_finished(file)
    with Ticker(silent=json) as ticker:
        record = bench.run_plan(chosen, catalog, out, ticker.tick, keep)
    report(record, file, as_json=json)
    if finished:
        typer.echo(f"finished  on {record.started}, and not run again; --fresh starts anew", err=json)
    if record.status != "ok":
        raise typer.Exit(3)


def _is_finished(file: Path) -> bool:
    from gexbench.record import read_record

    return file.is_file() and read_record(file).status == "ok"


def _set_aside(folder: Path) -> None:
    from gexbench.engine.run.run_folder import RunFolder

    kept = RunFolder(folder).set_aside()
    if kept is not None:
        typer.echo(f"kept      {kept}, the earlier run", err=True)


def _refuse_beside_several(context: typer.Context, fresh: bool, trust: bool) -> None:
    from gexbench.errors import PlanError

    if fresh:
        raise PlanError("--fresh starts one run anew, and several were named", "name one run, or another --out")
    if trust:  # what it runs could touch the other runs of this process, whose records would not say so
        raise PlanError("--trust is for one run, and several were named", "name one run")
    seed, seeds = (context.get_parameter_source(name) for name in ("seed", "seeds"))
    if seed is not None and seeds is not None and "DEFAULT" not in (seed.name, seeds.name):
        raise PlanError("--seed and --seeds were given", "leave one of the two out")


def _refuse_others(context: typer.Context) -> None:
    """Raise PlanError for the first option that was given beside --plan and says what to run."""
    from gexbench.errors import PlanError

    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name not in BESIDE_A_PLAN and source is not None and source.name != "DEFAULT":
            raise PlanError(
                f"{option.opts[0]} cannot be given beside --plan, which says it all", "leave one of the two out"
            )
