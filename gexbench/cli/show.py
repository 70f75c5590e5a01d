"""`gexbench show`: one card, or one record."""

from __future__ import annotations

import json as json_module
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.cards.schema import Card
    from gexbench.plan import Plan


def show(
    name: Annotated[str, typer.Argument(help="A card's name, or a run folder or record.")],
    registry: Registry = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a card with its options and source, a record as `gexbench run` does at its end, or how far a run came.

    Example: `gexbench show srresnet`
    """
    from gexbench.boards.ideals import with_ideals
    from gexbench.cards.catalog import Catalog
    from gexbench.cli.output import print_json
    from gexbench.cli.report import report
    from gexbench.record import read_record, record_file

    record = record_file(Path(name))
    if os.path.exists(record):  # false too for what is no name of a file
        read = read_record(record)
        report(read if json else with_ideals(read, Catalog.load(registry or [])), record, as_json=json)
        return
    if os.path.exists(os.path.join(name, "plan.json")):
        _show_unfinished(Path(name), json)
        return
    found = _cards(name, registry or [])
    if json:
        print_json(found)
        return
    for kind, card in found.items():
        typer.secho(f"{kind} {name}", bold=True)
        _print_table(card, 1)


def _show_unfinished(folder: Path, as_json: bool) -> None:
    from gexbench.cli.output import print_json
    from gexbench.engine.checks.unfinished import unfinished
    from gexbench.foreign_text import escaped

    found = unfinished(folder)
    plan = found.plan
    if as_json:
        counts = {"answered": found.answered, "budget": plan.budget, "extracted": found.extracted}
        print_json({"unfinished": {"run": str(folder), **counts, "running": found.running}})
        return
    came = f"{found.answered} of {plan.budget} answers" + (", and the attack has ended" if found.extracted else "")
    again = "a process is at it now" if found.running else "the same command goes on from there"
    if not found.running and folder.resolve().name == plan.run_name:
        out = folder.resolve().parent
        words = ["--plan", str(folder / "plan.json"), *([] if out == Path("runs").resolve() else ["--out", str(out)])]
        again += f": gexbench run {shlex.join([*words, *_beside(plan)])}"
    typer.echo(f"unfinished {escaped(f'{folder} came to {came}; {again}')}")


def _beside(plan: Plan) -> list[str]:
    """Return what a command needs beside a plan of cards that do not ship, in capitals what a plan does not say."""
    from gexbench.cards.own import is_foreign, is_remote
    from gexbench.engine.store.own_victim import NAMESPACE

    victim = plan.victim
    given = is_foreign(victim) and victim.name.startswith(f"{NAMESPACE}/")
    place = victim.endpoint.get("url", "") if is_remote(victim) else "FILE"
    cards = [plan.task, plan.attack, plan.dataset, *([] if given else [victim]), *filter(None, [plan.defense])]
    own = any("/" in card.name for card in cards)
    return [*(["--registry", "FOLDER"] if own else []), *(["--victim", place] if given else [])]


def _cards(name: str, folders: list[Path]) -> dict[str, Any]:
    from gexbench.cards.catalog import SINGULAR, Catalog
    from gexbench.errors import CardError, nearest

    catalog = Catalog.load(folders)
    everything = {kind: catalog.all(kind) for kind in SINGULAR}
    found = {SINGULAR[kind]: _told(cards[name].card) for kind, cards in everything.items() if name in cards}
    if not found:
        raise CardError(
            f"no card and no record named {name[:100]!r}", nearest(name, {n for c in everything.values() for n in c})
        )
    return found


def _told(card: Card) -> dict[str, Any]:
    """Return a card as plain data, of an attack with what every attack takes, of a data set with what is public."""
    from gexbench.cards.adaptive import accepted
    from gexbench.cards.published import public
    from gexbench.cards.schema import AttackCard, DatasetCard

    told = card.model_dump(mode="json", exclude_none=True)
    if isinstance(card, AttackCard):
        beside = {key: option.model_dump(mode="json", exclude_none=True) for key, option in accepted(card).items()}
        return {**told, "adaptive": beside}
    return {**told, "public": public(card)} if isinstance(card, DatasetCard) else told


def _print_table(table: dict[str, Any], depth: int) -> None:
    from gexbench.foreign_text import PARAGRAPH, shown

    for key, value in table.items():
        if isinstance(value, dict) and value:
            typer.echo(f"{'  ' * depth}{shown(key)}")
            _print_table(value, depth + 1)
        elif value not in ({}, [], ""):
            text = value if isinstance(value, str) else json_module.dumps(value, ensure_ascii=False)
            typer.echo(f"{'  ' * depth}{shown(key):14} {shown(text, PARAGRAPH)}")
