"""`gexbench verify`: is this record true?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gexbench.cli.options import Registry


def verify(
    record: Annotated[Path, typer.Argument(help="A run folder or a record.json.")],
    out: Annotated[Path, typer.Option(help="Where the second run goes.")] = Path("runs") / "verify",
    registry: Registry = None,
    victim: Annotated[
        str | None, typer.Option(help="Where the victim lies, of a record of a file, address or card of yours.")
    ] = None,
    backend: Annotated[
        Literal["own", "reference"],
        typer.Option(
            help="reference: beside our scores those of clean-fid, scikit-image and lpips, on the same images."
        ),
    ] = "own",
    sign: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="Where all agree, sign for the record with a maintainer's Ed25519 key."),
    ] = None,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Run nothing: compute the scores anew from the answers that a run kept.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a record's plan again and say whether every score agrees within the recorded noise.

    Exit code 0 when all agree, 3 when one differs, 4 when none differs but one cannot be compared: then the last
    lines say what is missing. With --sign the record must lie on a board.

    Example: `gexbench verify leaderboards/sr/records/sr-bicubic-mini-b512-s0.json`
    """
    from json import loads

    from gexbench.boards.verified import open_signer
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.errors import PlanError
    from gexbench.files import new_folder
    from gexbench.foreign_text import shown
    from gexbench.record import record_file
    from gexbench.verification import Way, verify_record

    if rescore and (sign or backend == "reference"):
        raise PlanError(
            "--rescore runs nothing, and what is signed for or held against libraries is run", "leave it out"
        )
    way: Way = "rescore" if rescore else "libraries" if backend == "reference" else "again"
    signer = open_signer(sign, record_file(record)) if sign else None
    place = new_folder(out) if sign else out  # what is signed for was run just now, whatever lies in `out`
    with Ticker(silent=json) as ticker:
        verdict = verify_record(record, place, tuple(registry or ()), ticker.tick, way, victim)
    signed = signer.sign(verdict.seal) if signer and verdict.outcome == "agrees" else None
    if json:
        print_json({**loads(verdict.model_dump_json()), "signed": str(signed) if signed else None})
    else:
        for line in [*verdict.lines(), *([f"signed in {signed}"] if signed else [])]:
            typer.echo(shown(line))
    if verdict.outcome != "agrees":
        raise typer.Exit(3 if verdict.outcome == "differs" else 4)
