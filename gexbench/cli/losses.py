"""`gexbench losses`: how trainings went, for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def losses(
    folder: Annotated[Path, typer.Argument(help="A run folder, or GEXBENCH_HOME/training/<victim>.")],
    to: Annotated[Path, typer.Option(help="Where the event files go, a folder a training.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")] = False,
) -> None:
    """Turn the losses of trainings into TensorBoard event files.

    Each training below FOLDER becomes `<to>/<name of FOLDER>/<training>/`; made again, it is replaced. Wants the extra
    `gexbench[tensorboard]`.

    Example: `gexbench losses runs/sr-srresnet-mini-b512-s0-9bb9b795 --to events`
    """
    from gexbench.cli.output import print_json
    from gexbench.engine.run.losses import read_folder, write_events

    place = to / folder.resolve().name
    written = [(curves, write_events(curves, place / curves.name)) for curves in read_folder(folder)]
    if json:
        print_json({"events": [{"training": c.name, "ticks": len(c.steps), "path": str(path)} for c, path in written]})
        return
    for curves, path in written:
        typer.echo(f"{curves.name:16} {len(curves.steps):4} ticks  {path}")
    typer.echo(f"now `tensorboard --logdir {to}` shows them")
