"""`gexbench data`: are the data sets here?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.engine.store.datasets import Report

_SHOWN = 20

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
    from gexbench.engine.store.pictures import verify

    filed = Catalog.load(registry or ()).filed(DatasetCard, name)
    with Ticker(silent=json) as ticker:
        report = verify(filed.card, filed.pins, ticker.tick)
    _show(name, report, json)
    if not report.ok:
        raise typer.Exit(4)


@app.command("pin")
def pin_data(
    name: Annotated[str, typer.Argument(help="A data set of your own registry.")],
    registry: Registry = None,
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
    from gexbench.engine.store.pin import examined, write_pins
    from gexbench.errors import CardError

    filed = Catalog.load(registry or ()).filed(DatasetCard, name)
    if not filed.root.outside:
        raise CardError(f"the hashes of {name!r} ship with gexbench", "gexbench data pin is for data sets of your own")
    with Ticker(silent=json) as ticker:
        report = examined(filed.card, filed.pins, ticker.tick)
    if not report.ok:
        _show(name, report, json)
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
    faults = _faults(report)
    return (
        "not here" if faults["missing"] and not any(faults[what] for what in faults if what != "missing") else "damaged"
    )


def _faults(report: Report) -> dict[str, tuple[str, ...]]:
    return {
        "missing": report.missing,
        "differing": report.differing,
        "unreadable": report.unreadable,
        "misnamed": report.misnamed,
        "shared": report.shared,
    }


def _show(name: str, report: Report, as_json: bool) -> None:
    from gexbench.cli.output import print_json

    faults = _faults(report)
    if not as_json:
        _tell(name, report, faults)
        return
    print_json(
        {
            "dataset": name,
            "ok": report.ok,
            **{what: list(lines) for what, lines in faults.items()},
            "counts": dict(report.counts),
            "distinct": dict(report.distinct),
            "hint": report.nearby,
        }
    )


def _tell(name: str, report: Report, faults: dict[str, tuple[str, ...]]) -> None:
    from gexbench.foreign_text import escaped

    for what, lines in faults.items():
        for line in lines[:_SHOWN]:
            typer.echo(f"{what:9}  {escaped(line)}")
        if len(lines) > _SHOWN:
            typer.echo(f"{what:9}  … and {len(lines) - _SHOWN} more, which --json names")
    for split, count in report.counts.items() if any(report.counts.values()) else ():
        distinct = report.distinct.get(split, count)
        copies = f", {distinct} distinct pictures" if distinct < count else ""
        typer.echo(f"{split:14} {count} {'file' if count == 1 else 'files'}{copies}")
    if faults["missing"]:
        way_out = report.nearby or "set GEXBENCH_DATA to the folder that holds it"
        typer.echo(f"{name}: incomplete; {way_out}")
    else:
        typer.echo(f"{name}: {'complete' if report.ok else 'not as it should be'}")
