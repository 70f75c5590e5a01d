"""`gexbench losses`: how trainings went, for TensorBoard, Weights & Biases and MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def losses(
    folder: Annotated[Path, typer.Argument(help="A run folder, or GEXBENCH_HOME/training/<victim>.")],
    to: Annotated[
        str, typer.Option(help="Where event files go, a folder a training; or the project, or the experiment.")
    ],
    logger: Annotated[
        Literal["tensorboard", "wandb", "mlflow"],
        typer.Option(help="For the last two, picture, scores and record go there as well."),
    ] = "tensorboard",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")] = False,
) -> None:
    """Turn the losses of trainings into TensorBoard event files, or log a run to Weights & Biases or MLflow.

    For TensorBoard each training below FOLDER becomes `<to>/<name of FOLDER>/<training>/`; made again, it is replaced.
    Each logger is an extra of its name, such as `gexbench[tensorboard]`.

    Example: `gexbench losses runs/sr-srresnet-mini-b512-s0-9bb9b795 --to events`
    """
    if logger == "tensorboard":
        _write_events(folder, Path(to), json)
    else:
        _log(folder, to, logger, json)


def _write_events(folder: Path, to: Path, as_json: bool) -> None:
    from gexbench.cli.output import print_json
    from gexbench.engine.run.losses import read_folder, write_events

    place = to / folder.resolve().name
    written = [(curves, write_events(curves, place / curves.name)) for curves in read_folder(folder)]
    if as_json:
        print_json({"events": [{"training": c.name, "ticks": len(c.steps), "path": str(path)} for c, path in written]})
        return
    for curves, path in written:
        typer.echo(f"{curves.name:16} {len(curves.steps):4} ticks  {path}")
    typer.echo(f"now `tensorboard --logdir {to}` shows them")


def _log(folder: Path, to: str, logger: str, as_json: bool) -> None:
    from gexbench.cli.output import print_json
    from gexbench.engine.run.loggers import left_in, log

    left = left_in(folder)
    where = log(logger, left, to)
    if as_json:
        trainings = [{"training": curves.name, "ticks": len(curves.steps)} for curves in left.curves]
        print_json({"logged": {"logger": logger, "place": where, "trainings": trainings}})
    else:
        typer.echo(f"{left.name} is in {where}")
