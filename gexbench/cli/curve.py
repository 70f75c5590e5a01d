"""`gexbench curve`: what an attack reaches with less data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gexbench.cli.options import Deadline, Device, Isolated, Keep, Registry

if TYPE_CHECKING:
    from rich.table import Table

    from gexbench.boards.curve import Curve
    from gexbench.record import RunRecord


def curve(
    task: Annotated[str, typer.Option(help="The task, see `gexbench list tasks`.")],
    attack: Annotated[str, typer.Option(help="The attack or control: a name, or a submission's folder.")],
    profile: Annotated[
        str,
        typer.Option(help="The scale: mini, small, paper or wild; by default mini, or the task's only one."),
    ] = "",
    budgets: Annotated[
        str | None, typer.Option(help="Numbers or percentages with commas between; by default the task's.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="How many, from 0 on, or which, such as 0-4; by default the profile's.")
    ] = None,
    defense: Annotated[str | None, typer.Option(help="The defense: a name, or a submission's folder.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="An attack's option, key=value.")] = None,
    set_defense: Annotated[list[str] | None, typer.Option(help="A defense's option, key=value.")] = None,
    victim: Annotated[str | None, typer.Option(help="Another victim than the profile's.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Another data set than the profile's.")] = None,
    registry: Registry = None,
    isolation: Isolated = "auto",
    device: Device = "auto",
    deadline: Deadline = None,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    to: Annotated[Path | None, typer.Option(help="Where picture and CSV go; by default as --out.")] = None,
    keep: Keep = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")] = False,
) -> None:
    """Run an attack at several budgets over seeds, and draw what it reaches: a picture and a CSV.

    Runs that are done are taken as they are, killed ones go on. A run that fails is named and leaves a gap.

    Example: `gexbench curve --task sr --attack srresnet --seeds 3`
    """
    from gexbench.boards.curve import make_curve
    from gexbench.cli.progress import each_run
    from gexbench.cli.several import how_many
    from gexbench.plan import Request
    from gexbench.sweeps.plans import Sweep, plan_all
    from gexbench.sweeps.work import Work, run_all

    request = Request(
        task,
        attack,
        defense,
        profile,
        settings=tuple(set_ or ()),
        defense_settings=tuple(set_defense or ()),
        isolation=isolation,
        device=device,
        deadline=deadline,
        folders=tuple(registry or ()),
        victim=victim,
        dataset=dataset,
    )
    catalog, plans = plan_all(Sweep(request, budgets=_words(budgets) or "all", seeds=how_many(seeds)))
    records = run_all(plans, Work(catalog, out, each_run(len(plans), silent=json), keep))
    drawn, failed = make_curve(records), [record for record in records if record.status != "ok"]
    files = _write(drawn, to or out)
    _show(drawn, failed, files, as_json=json)
    if failed:
        raise typer.Exit(3)


def _words(text: str | None) -> list[str]:
    from gexbench.errors import PlanError

    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if text is not None and not words:
        raise PlanError(f"--budgets {text!r} names no budget", "for example 25%,50%,100%")
    return words


def _write(drawn: Curve, folder: Path) -> dict[str, Path]:
    """Write picture and CSV, and return their paths; none where no run has anything to draw."""
    from gexbench.boards.curve import to_csv
    from gexbench.boards.curve_picture import to_png
    from gexbench.files import atomic_write

    if not drawn.shown():
        return {}
    contents = {"picture": (".png", to_png(drawn)), "csv": (".csv", to_csv(drawn).encode())}
    paths = {what: folder / (drawn.name + ending) for what, (ending, _) in contents.items()}
    for what, (_, content) in contents.items():
        atomic_write(paths[what], content)
    return paths


def _show(drawn: Curve, failed: list[RunRecord], files: dict[str, Path], as_json: bool) -> None:
    from rich.console import Console

    from gexbench.boards.curve import as_json as plain
    from gexbench.cli.output import print_json
    from gexbench.foreign_text import shown

    if as_json:
        names = {what: str(files[what]) if what in files else None for what in ("picture", "csv")}
        print_json({**plain(drawn), "failed": [failure(record) for record in failed], **names})
        return
    console = Console()
    console.print(_table(drawn))
    lines = [f"failed    {record.plan.run_name}: {shown(record.reason)}" for record in failed]
    lines += [f"note      {mark}" for mark in drawn.marks]
    lines += [f"{what:9} {path}" for what, path in files.items()]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def failure(record: RunRecord) -> dict[str, Any]:
    """Return what JSON says of a run that failed."""
    plan = record.plan
    return {"run": plan.run_name, "budget": plan.budget, "seed": plan.seed, "reason": record.reason}


def _table(drawn: Curve) -> Table:
    """Return the main metric as a table: a row a budget, a column a comparison and test split."""
    from rich.table import Table
    from rich.text import Text

    from gexbench.boards.sheet import heading, with_std

    card = next(card for card in drawn.plan.metrics if card.name == drawn.plan.task.main.metric)
    columns = [(compare, test) for compare in drawn.shown() for test in drawn.tests]
    table = Table(title=Text(drawn.title), title_justify="left")
    for title in ("budget", "%", "seeds", *(heading(card, *column) for column in columns)):
        table.add_column(Text(title), justify="right")
    for budget in drawn.budgets:
        done = str(len(drawn.rows[budget].records)) if budget in drawn.rows else "0"
        cells = [with_std(drawn.spread(budget, *column), card) for column in columns]
        table.add_row(str(budget), f"{100 * budget / drawn.top:.3g}", done, *cells)
    return table
