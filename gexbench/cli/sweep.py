"""`gexbench sweep`: every combination of lists, planned, estimated and run, here or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gexbench.cli.options import Deadline, Device, Executed, Isolated, Keep, Registry

BESIDE_A_FILE = {"file", "out", "executor", "jobs", "address", "slurm", "retries", "dry_run", "keep", "json"}


def sweep(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A TOML file that says it all, instead of --tasks …")] = None,
    tasks: Annotated[str | None, typer.Option(help="Tasks, as a,b.")] = None,
    attacks: Annotated[str | None, typer.Option(help="Attacks and controls: names, or submissions' folders.")] = None,
    profiles: Annotated[str | None, typer.Option(help="Scales; by default mini, or the only one.")] = None,
    defenses: Annotated[str | None, typer.Option(help="Defenses, `none` among them.")] = None,
    victims: Annotated[str | None, typer.Option(help="Victims instead of the profile's.")] = None,
    budgets: Annotated[str | None, typer.Option(help="Numbers of images, percentages, or all of the task.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Such as 0-4, or 0,3, or all that the profile wants.")] = None,
    strengths: Annotated[
        bool, typer.Option("--strengths", help="Meet each defense at every strength that its card names.")
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="An attack's option, key=value; again, for another value.")
    ] = None,
    set_defense: Annotated[
        list[str] | None, typer.Option(help="A defense's option, key=value; again, for another value.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Runs to leave out, such as attack=bicubic,seed=1; again, for more.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Another data set than the profile's.")] = None,
    registry: Registry = None,
    isolation: Isolated = "auto",
    device: Device = "auto",
    deadline: Deadline = None,
    out: Annotated[Path, typer.Option(help="Where run folders go; all machines must see it.")] = Path("runs"),
    executor: Executed = "serial",
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at once; by default one a GPU, or one a core.")] = None,
    address: Annotated[str | None, typer.Option(help="A Ray cluster's; by default one of this machine.")] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(help="A parameter of submitit, such as slurm_partition=gpu; again, for more.")
    ] = None,
    retries: Annotated[int, typer.Option(min=0, help="How often a run that fails is tried again.")] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many runs, hours, dollars and bytes are left; run nothing.")
    ] = False,
    keep: Keep = True,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON line for each finished run.")] = False,
) -> None:
    """Run every combination of lists of tasks, attacks, defenses, victims, options, budgets and seeds.

    All are planned before the first starts. The same command goes on where it was stopped, and two share the work.

    Exit codes: 0 every run has its record; 3 a run failed as often as it was tried; 4 or 5 as elsewhere, where the
    machine let none begin.

    Example: `gexbench sweep --tasks sr --attacks srresnet,bicubic --seeds 0-4 --dry-run`
    """
    from gexbench.cli import sweep_table as table
    from gexbench.sweeps.campaign import Campaign
    from gexbench.sweeps.executors import Setup, choose, needs
    from gexbench.sweeps.file import read_sweep, sweep_of
    from gexbench.sweeps.forecast import Timings
    from gexbench.sweeps.plans import plan_all
    from gexbench.sweeps.work import Work

    if file is not None:
        _refuse_others(context)
    made = sweep_of(_table(context)) if file is None else read_sweep(file)
    catalog, plans = plan_all(made)
    timings = Timings.of(plans, out)
    chosen = choose(Setup(executor, jobs, address, _values("--slurm", slurm), needs(timings), str(out / ".slurm")))
    if dry_run:
        table.show_forecast(plans, out, timings, chosen.width, as_json=json)
        return
    campaign = Campaign(Work(catalog, out, keep=keep), chosen.executor, retries)
    if table.watched(plans, campaign, timings, chosen.width, as_json=json):
        raise typer.Exit(3)


def _table(context: typer.Context) -> dict[str, Any]:
    """Return what the options say, as a sweep's file would; raises PlanError for one that is missing or unreadable."""
    from gexbench.errors import PlanError

    given = {name: value for name, value in context.params.items() if name not in BESIDE_A_FILE}
    for name in ("tasks", "attacks"):
        if given[name] is None:
            raise PlanError(f"--{name} is missing", "give --tasks and --attacks, or a file")
    given["options"] = _lists("--set", given.pop("set_"))
    given["defense_options"] = _lists("--set-defense", given.pop("set_defense"))
    rules = [_lists("--exclude", [word.strip() for word in rule.split(",")]) for rule in given.pop("exclude") or ()]
    return {**{name: value for name, value in given.items() if value is not None}, "exclude": rules}


def _lists(option: str, texts: Sequence[str] | None) -> dict[str, list[str]]:
    """Return texts `key=value` as the values of each key; raises PlanError for another text."""
    from gexbench.errors import PlanError

    found: dict[str, list[str]] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise PlanError(f"{option} {text!r} is not key=value", f"for example {option} key=1")
        found.setdefault(name.strip(), []).append(value.strip())
    return found


def _values(option: str, texts: Sequence[str] | None) -> dict[str, str]:
    return {name: values[-1] for name, values in _lists(option, texts).items()}


def _refuse_others(context: typer.Context) -> None:
    """Raise PlanError for the first option that was given beside a file and says what to run."""
    from gexbench.errors import PlanError

    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name not in BESIDE_A_FILE and source is not None and source.name != "DEFAULT":
            raise PlanError(f"{option.opts[0]} cannot be given beside a file, which says it all", "write it there")
