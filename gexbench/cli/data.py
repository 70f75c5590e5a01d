"""`gexbench data`: are the data sets here?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gexbench.cli.data_files import fetch_data, prepare_data, unpack_data
from gexbench.cli.data_report import faults, show
from gexbench.cli.options import Registry, Trust

if TYPE_CHECKING:
    from gexbench.engine.store.datasets import Report

app = typer.Typer(no_args_is_help=True, help="Look after data sets.\n\nExample: `gexbench data verify sr-small`")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_data(registry: Registry = None, json: Json = False) -> None:
    """List data sets, whether they are here, and where they come from.

    A set is damaged where a file of it is there and is not as it should be; `gexbench data verify` says more.

    Example: `gexbench data list`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import DatasetCard
    from gexbench.cli.output import print_json
    from gexbench.engine.store.datasets import verify
    from gexbench.errors import CardError
    from gexbench.foreign_text import shown

    rows = []
    for filed in Catalog.load(registry or ()).all(DatasetCard).values():
        try:
            state = _state(verify(filed.card, filed.pins))
        except CardError as error:
            state = "damaged"
            typer.echo(f"{filed.card.name}: {shown(str(error))}", err=True)
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
    registry: Registry = None,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Name all for which a run would refuse a data set; exit code 4 if there is something.

    Files that are missing or differ from the card, cannot be read, are passed over for upper or lower case in their
    names, or show the same picture in two splits. Of many, the first twenty; --json names all.

    Example: `gexbench data verify photos-mini`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import DatasetCard
    from gexbench.cli.progress import Ticker
    from gexbench.engine.store.own_reader import read_by
    from gexbench.engine.store.pictures import verify

    filed = read_by(Catalog.load(registry or (), trust).filed(DatasetCard, name))
    with Ticker(silent=json) as ticker:
        report = verify(filed.card, filed.pins, ticker.tick)
    show(name, report, json)
    if not report.ok:
        raise typer.Exit(4)


@app.command("pin")
def pin_data(
    name: Annotated[str, typer.Argument(help="A data set of your own registry.")],
    registry: Registry = None,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Write the hashes of all files beside the card of a data set of yours; `data verify` and runs then check them.

    Nothing is written where `data verify` would name something; exit code 4 then.

    Example: `gexbench data pin me/photos --registry cards`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import DatasetCard
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.engine.store.own_reader import read_by
    from gexbench.engine.store.pin import examined, write_pins
    from gexbench.errors import CardError

    filed = read_by(Catalog.load(registry or (), trust).filed(DatasetCard, name))
    if not filed.root.outside:
        raise CardError(f"the hashes of {name!r} ship with gexbench", "gexbench data pin is for data sets of your own")
    with Ticker(silent=json) as ticker:
        report = examined(filed.card, filed.pins, ticker.tick)
    if not report.ok:
        show(name, report, json)
        raise typer.Exit(4)
    count = write_pins(report.files, filed.pins)
    if json:
        print_json({"dataset": name, "path": str(filed.pins), "files": count})
        return
    typer.echo(f"wrote {filed.pins}: {count} {'file' if count == 1 else 'files'}")
    if not filed.card.pinned:
        typer.echo("until `pinned = false` is taken off the card nobody looks at the list")


def _state(report: Report) -> str:
    if report.ok:
        return "here"
    found = faults(report)
    return "not here" if found["missing"] and not any(found[what] for what in found if what != "missing") else "damaged"


app.command("fetch")(fetch_data)
app.command("prepare")(prepare_data)
app.command("unpack")(unpack_data)
