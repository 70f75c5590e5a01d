"""`gexbench assets`: weight files of metrics and losses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.cards.schema import AssetCard

app = typer.Typer(no_args_is_help=True, help="Look after weight files.\n\nExample: `gexbench assets fetch lpips-alex`")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[list[str] | None, typer.Argument(help="Assets, see `gexbench assets list`; all when none is named.")]


@app.command("list")
def list_assets(registry: Registry = None, json: Json = False) -> None:
    """List weight files, whether they are here, and where they come from.

    Example: `gexbench assets list`
    """
    from gexbench.cli.output import print_json
    from gexbench.engine.store.assets import AssetStore

    store = AssetStore()
    rows = [
        {
            "name": c.name,
            "state": store.status(c),
            "size": c.size,
            "licence": c.licence,
            "summary": c.summary,
            "sources": list(c.sources),
        }
        for c in _cards(None, registry)
    ]
    if json:
        print_json({"assets": rows, "folder": str(store.folder)})
        return
    for row in rows:
        typer.echo(f"{row['name']:14} {row['state']:8} {row['summary']}")
    typer.echo(f"folder: {store.folder}")


@app.command("fetch")
def fetch(
    names: Names = None,
    offline: Annotated[bool, typer.Option(help="Ask no network; say what is missing.")] = False,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Fetch weight files from their sources and check their hashes.

    Example: `gexbench assets fetch lpips-alex lpips-vgg`
    """
    from functools import partial

    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.engine.store.assets import AssetStore

    store, paths = AssetStore(), {}
    with Ticker(silent=json) as ticker:
        for card in _cards(names, registry):
            paths[card.name] = str(store.fetch(card, partial(ticker.tick, card.name), offline=offline))
    if json:
        print_json({"assets": paths})
        return
    for name, path in paths.items():
        typer.echo(f"{name:14} {path}")


@app.command("bundle")
def bundle(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    names: Names = None,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Put weight files into one file for a machine without a network.

    Example: `gexbench assets bundle weights.zip lpips-alex`
    """
    from gexbench.cli.output import print_json
    from gexbench.engine.store.asset_bundle import bundle as write
    from gexbench.engine.store.assets import AssetStore

    cards = _cards(names, registry)
    write(AssetStore(), cards, file)
    if json:
        print_json({"bundle": str(file), "assets": [card.name for card in cards]})
    else:
        typer.echo(f"{file}: {', '.join(card.name for card in cards)}")


@app.command("unbundle")
def unbundle(
    file: Annotated[Path, typer.Argument(help="A file that `bundle` wrote.")],
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Take weight files from a bundle; each is checked against its card.

    Example: `gexbench assets unbundle weights.zip`
    """
    from gexbench.cli.output import print_json
    from gexbench.engine.store.asset_bundle import unbundle as read
    from gexbench.engine.store.assets import AssetStore

    taken = read(AssetStore(), file, _cards(None, registry))
    if json:
        print_json(taken._asdict())
        return
    for what in ("placed", "present", "unknown"):
        names = getattr(taken, what)
        if names:
            typer.echo(f"{what:8} {', '.join(names)}")


def _cards(names: list[str] | None, registry: list[Path] | None) -> list[AssetCard]:
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import AssetCard

    catalog = Catalog.load(registry or ())
    return [catalog.get(AssetCard, name) for name in names or catalog.all(AssetCard)]
