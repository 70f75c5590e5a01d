"""`gexbench submit`: runs as a folder that others can verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexbench.cli.options import Registry


def submit(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, record.json files, or patterns.")],
    handle: Annotated[str, typer.Option("--as", metavar="HANDLE", help="You: names of your plug-ins begin so.")],
    name: Annotated[
        str | None, typer.Option(help="What it is called; by default after what it brings and the task.")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="Where submissions are.")] = Path("submissions"),
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where the boards are: by default ./leaderboards, or else what ships.")
    ] = None,
    registry: Registry = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")] = False,
) -> None:
    """Make a folder of runs' records, the code they are of, a checklist, and a digest over it all.

    It is checked as whoever gets it will check it, and nothing is left of one that is refused. --registry names the
    folder of a plug-in's code.

    Example: `gexbench submit runs/sr-alice.mykd-* --as alice --registry submissions/alice/mykd`
    """
    from gexbench.boards.published import read_root
    from gexbench.cli.output import print_json
    from gexbench.submission.pack import Wanted, submit

    made = submit(Wanted(tuple(runs), handle, name, to, read_root(folder), tuple(registry or ())))
    if json:
        print_json({"submission": made.name, "folder": str(made.folder), "digest": made.digest})
        return
    typer.echo(f"wrote {made.folder}; records: {len(made.records)}, plug-ins: {len(made.plug_ins)}")
    typer.echo(f"digest {made.digest}")
    typer.echo(f"now `gexbench verify {made.folder}` does what a maintainer will do")
