"""Options that several commands take, each in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Registry = Annotated[list[Path] | None, typer.Option(help="One more folder of cards.")]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Let a data set of yours run a reader of its own beside the truth; never ranked."),
]
Isolated = Annotated[
    Literal["auto", "none"],
    typer.Option(help="auto: sandbox where the system has one. none: all in one process, for debugging; never ranked."),
]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where nets run.")]
Deadline = Annotated[float | None, typer.Option(help="Seconds the attack may take.")]
Keep = Annotated[bool, typer.Option(help="Keep the answers of victim and surrogate, so that they can be scored again.")]
Executed = Annotated[
    Literal["serial", "local", "ray", "slurm"],
    typer.Option(help="One after the other; in processes of this machine; on Ray; on Slurm, each with its extra."),
]
