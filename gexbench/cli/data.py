"""`gexbench data`: are the data sets here?"""

from __future__ import annotations

from typing import Annotated

import typer

_SHOWN = 20

app = typer.Typer(no_args_is_help=True, help="Look after data sets.\n\nExample: `gexbench data verify sr-small`")


@app.command("list")
def list_data(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List data sets, whether they are here, and where they come from.

    Example: `gexbench data list`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import DatasetCard
    from gexbench.cli.output import print_json
    from gexbench.engine.store.datasets import verify

    rows = []
    for filed in Catalog.load().all(DatasetCard).values():
        state = "here" if verify(filed.card, filed.pins).ok else "not here"
        rows.append(
            {"name": filed.card.name, "state": state, "licence": filed.card.licence, "summary": filed.card.summary}
        )
    if json:
        print_json({"datasets": rows})
        return
    for row in rows:
        typer.echo(f"{row['name']:28} {row['state']:9} {row['summary']}")


@app.command("verify")
def verify_data(
    name: Annotated[str, typer.Argument(help="A data set, see `gexbench data list`.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Name the files of a data set that are missing or differ from its card; exit code 4 if one does.

    Of many, the first twenty; --json names all.

    Example: `gexbench data verify photos-mini`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import DatasetCard
    from gexbench.cli.output import print_json
    from gexbench.engine.store.datasets import verify

    filed = Catalog.load().filed(DatasetCard, name)
    report = verify(filed.card, filed.pins)
    if json:
        print_json(
            {"dataset": name, "ok": report.ok, "missing": list(report.missing), "differing": list(report.differing)}
        )
    else:
        for what, paths in (("missing", report.missing), ("differing", report.differing)):
            for path in paths[:_SHOWN]:
                typer.echo(f"{what:9}  {path}")
            if len(paths) > _SHOWN:
                typer.echo(f"{what:9}  … and {len(paths) - _SHOWN} more, which --json names")
        typer.echo(
            f"{name}: " + ("complete" if report.ok else "incomplete; set GEXBENCH_DATA to the folder that holds it")
        )
    if not report.ok:
        raise typer.Exit(4)
