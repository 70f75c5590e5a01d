"""`gexbench verify`: is this record true, is this submission?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.submission.rerun import Sampling
    from gexbench.verification import Outcome


def verify(
    record: Annotated[Path, typer.Argument(help="A run folder, a record.json, or a submission's folder.")],
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
    sample: Annotated[int, typer.Option(min=1, help="Of a submission: how many of its records are run again.")] = 1,
    profile: Annotated[str | None, typer.Option(help="Of a submission: draw among its records of this scale.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Of a submission: where the boards are, ./leaderboards by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a record's plan again and say whether every score agrees within the recorded noise.

    Exit code 0 when all agree, 3 when one differs, 4 when none differs but one cannot be compared: then the last
    lines say what is missing. With --sign the record must lie on a board.

    Of a submission every file and record is checked first. What is run is drawn by its digest and, with --sign, by the
    key. The signed verdict lies in its folder, and `gexbench board add` takes it to the boards.

    Example: `gexbench verify leaderboards/sr/records/sr-bicubic-mini-b512-s0.json`

    Example: `gexbench verify submissions/alice/mykd-sr --sample 2 --sign ~/.ssh/id_ed25519`
    """
    from json import loads

    from gexbench.boards.published import read_root
    from gexbench.boards.verified import open_signer
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.errors import PlanError
    from gexbench.files import new_folder
    from gexbench.record import record_file
    from gexbench.submission.layout import is_submission
    from gexbench.submission.rerun import Sampling
    from gexbench.verification import Way, verify_record

    if is_submission(record):
        if rescore or victim or backend == "reference":
            raise PlanError("--rescore, --victim and --backend are for single records", "name one in its records/")
        _submission(record, Sampling(read_root(folder), out, tuple(registry or ()), sample, profile, sign), json)
        return
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
        _say([*verdict.lines(), *([f"signed in {signed}"] if signed else [])])
    _end(verdict.outcome)


def _submission(folder: Path, sampling: Sampling, json: bool) -> None:
    from json import loads

    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.submission.rerun import verify_submission

    with Ticker(silent=json) as ticker:
        done = verify_submission(folder, sampling, ticker.tick)
    if json:
        told = {"submission": done.submission.name, "digest": done.submission.digest, "outcome": done.outcome}
        verdicts = [loads(verdict.model_dump_json()) for verdict in done.verdicts]
        print_json({**told, "verdicts": verdicts, "signed": str(done.signed) if done.signed else None})
    else:
        _say(done.lines())
    _end(done.outcome)


def _say(lines: Iterable[str]) -> None:
    from gexbench.foreign_text import shown

    for line in lines:
        typer.echo(shown(line))


def _end(outcome: Outcome) -> None:
    if outcome != "agrees":
        raise typer.Exit(3 if outcome == "differs" else 4)
