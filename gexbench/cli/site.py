"""`gexbench site`: boards as pages for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexbench.cli.options import Registry

app = typer.Typer(no_args_is_help=True, help="Boards as a site that opens from a disk, without a server.")


@app.command()
def build(
    to: Annotated[Path, typer.Option("--to", help="The site's folder: an empty one, or that of a site.")],
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where the boards are: by default ./leaderboards, or else what ships.")
    ] = None,
    runs: Annotated[
        list[Path] | None, typer.Option(help="A folder of runs: contact sheets of those on a board are shown.")
    ] = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Give all tables as Parquet, too; wants the extra `parquet`.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file is not fresh.")] = False,
    registry: Registry = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")] = False,
) -> None:
    """Make pages of all boards, cards and records: the same records give the same bytes.

    What an earlier build left in the folder and this one has not is removed; a folder with anything else is refused.

    Example: `gexbench site build --to site`
    """
    from gexbench.boards.published import read_root
    from gexbench.cards.catalog import Catalog
    from gexbench.cli.output import print_json
    from gexbench.site import build as builder
    from gexbench.site.source import open_source

    source = open_source(read_root(folder), Catalog.load(registry or ()), runs or (), parquet)
    done = builder.check(source, to) if check else builder.build(source, to)
    if json:
        print_json(
            {"site": str(to), "files": done.files, "written": done.written, "removed": done.removed, "bytes": done.size}
        )
        return
    typer.echo(f"{done.files} files, {done.size / (1 << 20):.1f} MiB; {done.written} written, {done.removed} removed")
    typer.echo(f"open {to / 'index.html'}")
