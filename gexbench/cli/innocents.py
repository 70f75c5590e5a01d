"""`gexbench innocents`: the models that a verdict on ownership is held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.cards.catalog import Catalog
    from gexbench.innocents import State
    from gexbench.plan import Plan
    from gexbench.record import RunRecord
    from gexbench.sweeps.work import Ended

app = typer.Typer(
    no_args_is_help=True,
    help="Make models that never learned from marked answers; what a verdict on ownership is held against.\n\n"
    "Example: `gexbench innocents make monet2photo-mini`",
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_innocents(registry: Registry = None, json: Json = False) -> None:
    """List sets of innocents, how many of each are here, and why others cannot be made.

    Example: `gexbench innocents list`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.innocents import InnocentsCard
    from gexbench.cli.output import print_json
    from gexbench.innocents import state

    catalog = Catalog.load(registry or ())
    found = [state(filed.card, catalog) for filed in catalog.all(InnocentsCard).values()]
    if json:
        print_json({"innocents": [_told(each) for each in found]})
        return
    for each in found:
        _print(each)


@app.command("make")
def make(
    name: Annotated[str, typer.Argument(help="A set, see `gexbench innocents list`.")],
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once; each takes a core or more.")] = 1,
    most: Annotated[int | None, typer.Option(min=1, help="Make so many at most now.")] = None,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Make what a set of innocents lacks; those that are here stay, and a stopped command goes on where it was.

    Exit codes: 0 all that can be made is here, or --most were made; 3 a run failed; 4 nothing can be made for lack of
    weights or data.

    Example: `gexbench innocents make monet2photo-mini --jobs 2`
    """
    from dataclasses import replace

    from gexbench.cards.catalog import Catalog
    from gexbench.cards.innocents import InnocentsCard
    from gexbench.cli.output import print_json
    from gexbench.foreign_text import shown
    from gexbench.innocents import state

    catalog = Catalog.load(registry or ())
    card = catalog.get(InnocentsCard, name)
    before = state(card, catalog)
    _refuse_nothing(before)
    chosen = replace(before, lacking=before.lacking[:most])
    failed = [record for record in _made(chosen, catalog, jobs, json) if record.status != "ok"]
    after = state(card, catalog)
    if json:
        print_json(_told(after) | {"failed": [record.plan.run_name for record in failed]})
    else:
        _print(after)
    for record in failed:
        typer.echo(f"failed    {record.plan.run_name}: {shown(record.reason)}", err=True)
    if failed:
        raise typer.Exit(3)


def _made(chosen: State, catalog: Catalog, jobs: int, silent: bool) -> list[RunRecord]:
    """Make innocents while progress is shown: of each run, or where several run at once of all of them."""
    from gexbench.cli.progress import Ticker, each_run
    from gexbench.innocents import make as make_all
    from gexbench.sweeps.local import Local

    if jobs == 1:
        return make_all(chosen, catalog, progress=each_run(len(chosen.lacking), silent))
    with Ticker(silent) as ticker:

        def side_by_side(work: Callable[[Plan], Ended], plans: Sequence[Plan]) -> Iterator[Ended]:
            for done, ended in enumerate(Local(jobs)(work, plans), start=1):
                ticker.tick("making innocents", done, len(plans))
                yield ended

        return make_all(chosen, catalog, side_by_side)


def _refuse_nothing(found: State) -> None:
    from gexbench.errors import AssetMissing
    from gexbench.foreign_text import shown

    if not found.here and not found.lacking:
        raise AssetMissing(f"no innocent of {found.card.name!r} can be made: {shown(found.missing[0])}", "see its card")


def _told(found: State) -> dict[str, object]:
    return {
        "name": found.card.name,
        "here": found.here,
        "of": found.card.count,
        "lacking": len(found.lacking),
        "missing": list(found.missing),
        "folder": str(found.folder),
    }


def _print(found: State) -> None:
    from gexbench.foreign_text import shown

    typer.echo(f"{found.card.name:24} {found.here} of {found.card.count} here, {len(found.lacking)} can be made")
    for why in found.missing:
        typer.echo(f"  missing   {shown(why)}")
