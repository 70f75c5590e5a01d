"""`gexbench defense`: what victims are guarded with, and what that takes before a run."""

from __future__ import annotations

from typing import Annotated

import typer

from gexbench.cli.options import Device, Registry

app = typer.Typer(no_args_is_help=True, help="Look after defenses.\n\nExample: `gexbench defense list`")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_defenses(registry: Registry = None, json: Json = False) -> None:
    """List defenses: the kinds of task they are for, their moments, and the victims they are prepared for here.

    Example: `gexbench defense list`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import DefenseCard
    from gexbench.cli.output import print_json
    from gexbench.engine.machine.moments import moments_of
    from gexbench.engine.store.paths import prepared_folder
    from gexbench.engine.store.prepared import here
    from gexbench.foreign_text import shown

    made, rows = here(prepared_folder()), []
    for name, filed in Catalog.load(registry or ()).all(DefenseCard).items():
        card = filed.card
        moments = moments_of(card.entry, filed.root.code)
        found = {each.recipe.victim for each in made.get(name, ()) if each.recipe.version == card.version}
        rows.append((card, moments, sorted(found)))
    if json:
        keys = ("name", "kinds", "moments", "prepares", "prepared_for", "summary")
        facts = [(card.name, card.task_kinds, own, card.prepares, victims, card.summary) for card, own, victims in rows]
        told = [dict(zip(keys, each, strict=True)) for each in facts]
        print_json({"defenses": told, "folder": str(prepared_folder())})
        return
    for card, own, victims in rows:
        typer.echo(f"{card.name:22} {', '.join(card.task_kinds)}: {', '.join(own)}")
        typer.echo(f"{'':22} {shown(card.summary)}")
        if card.prepares:
            typer.echo(f"{'':22} prepared for {', '.join(victims) or 'no victim yet'}")


@app.command("prepare")
def prepare(
    name: Annotated[str, typer.Argument(help="The defense: a name, or a submission's folder.")],
    task: Annotated[str, typer.Option(help="The task whose service it guards.")],
    profile: Annotated[
        str,
        typer.Option(help="The scale: mini, small, paper or wild; by default mini, or the task's only one."),
    ] = "",
    victim: Annotated[str | None, typer.Option(help="Another victim than the profile's.")] = None,
    set_defense: Annotated[list[str] | None, typer.Option(help="The defense's option, key=value.")] = None,
    device: Device = "auto",
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Prepare a defense for a victim, as `gexbench run` does where it was not done; a stopped preparation goes on.

    What is there already is found again by its hash.

    Example: `gexbench defense prepare spread-spectrum --task monet2photo`
    """
    from dataclasses import replace

    from gexbench import bench
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.errors import PlanError
    from gexbench.plan import Request

    request = Request(task, "victim", name, profile, victim=victim, device=device, folders=tuple(registry or ()))
    catalog, plan = bench.prepare(replace(request, defense_settings=tuple(set_defense or ())))
    assert plan.defense is not None
    with Ticker(silent=json) as ticker:
        from gexbench.engine.run.prepare_defense import offline, prepared
        from gexbench.engine.run.sides import Journal

        artefact = prepared(offline(plan, catalog), Journal(ticker.tick))
    if artefact is None:
        raise PlanError(f"the defense {plan.defense.name!r} prepares nothing", "gexbench defense list")
    found, victim = artefact.passport, plan.victim.name
    if json:
        facts = {"path": str(artefact.file), "sha256": found.sha256, "seconds": found.seconds}
        print_json({"defense": plan.defense.name, "victim": victim, **facts, "cached": not artefact.anew})
        return
    when = "prepared" if artefact.anew else "prepared before"
    typer.echo(f"{artefact.file}\nsha256 {found.sha256}")
    typer.echo(f"{when} for {victim} in {found.seconds:.1f} s on {found.device}")
