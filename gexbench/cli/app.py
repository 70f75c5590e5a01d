"""The `gexbench` command: its subcommands, and how errors reach a person."""

from __future__ import annotations

import os
import sys

import typer

from gexbench import __version__
from gexbench.cli import (
    assets,
    board,
    check,
    cross,
    curve,
    data,
    defense,
    doctor,
    innocents,
    listing,
    losses,
    new,
    ownership,
    run,
    score,
    show,
    site,
    study,
    submit,
    sweep,
    verify,
    victim,
)
from gexbench.cli.output import fail, take_any_text

app = typer.Typer(
    name="gexbench",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Benchmark of model extraction for generative image models. "
    "For models you own or are allowed to test.\n\nExample: `gexbench run --task sr --attack srresnet`",
    epilog="Exit codes: 0 done, 1 a bug, 2 bad input, 3 the run failed (its record says why), "
    "4 weights or data missing, 5 cannot write, 130 interrupted.",
)
app.command("run")(run.run)
app.command("sweep")(sweep.sweep)
app.command("curve")(curve.curve)
app.command("cross")(cross.cross)
app.command("list")(listing.list_cards)
app.command("score")(score.score)
app.command("show")(show.show)
app.command("check")(check.check)
app.command("losses")(losses.losses)
app.command("submit")(submit.submit)
app.command("verify")(verify.verify)
app.command("ownership")(ownership.ownership)
app.command("doctor")(doctor.doctor)
app.add_typer(assets.app, name="assets")
app.add_typer(new.app, name="new")
app.add_typer(data.app, name="data")
app.add_typer(victim.app, name="victim")
app.add_typer(innocents.app, name="innocents")
app.add_typer(defense.app, name="defense")
app.add_typer(board.app, name="board")
app.add_typer(site.app, name="site")
app.add_typer(study.app, name="study")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gexbench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Benchmark of model extraction for generative image models."""


def main() -> None:
    """Run the command line; a GexbenchError becomes two lines and an exit code, never a traceback."""
    take_any_text()
    try:
        app()
    except Exception as error:
        if os.environ.get("GEXBENCH_DEBUG"):
            raise
        sys.exit(fail(error, as_json="--json" in sys.argv))
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; the same command goes on from here\n")
        sys.exit(130)
