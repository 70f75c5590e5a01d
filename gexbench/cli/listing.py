"""`gexbench list`: what there is."""

from __future__ import annotations

from typing import Annotated

import typer

from gexbench.cli.options import Registry


def list_cards(
    kind: Annotated[
        str | None, typer.Argument(help="tasks, attacks, defenses, victims, metrics, datasets, assets …")
    ] = None,
    registry: Registry = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List cards by kind: name and summary.

    Example: `gexbench list attacks`
    """
    from gexbench.cards.catalog import FOLDERS, Catalog
    from gexbench.cli.output import print_json
    from gexbench.errors import CardError, nearest
    from gexbench.foreign_text import shown

    kinds = {folder: card for card, folder in FOLDERS.items()}
    if kind is not None and kind not in kinds:
        raise CardError(f"there are no cards of kind {kind!r}", nearest(kind, kinds))
    catalog = Catalog.load(registry or ())
    wanted = [kind] if kind else list(kinds)
    found = {name: [filed.card for filed in catalog.all(kinds[name]).values()] for name in wanted}
    if json:
        print_json(
            {k: [{"name": c.name, "version": c.version, "summary": c.summary} for c in v] for k, v in found.items()}
        )
        return
    width = max((len(card.name) for cards in found.values() for card in cards), default=0)
    for name, cards in found.items():
        typer.secho(name, bold=True)
        for card in cards:
            typer.echo(f"  {card.name:{width}}  {shown(card.summary)}")
