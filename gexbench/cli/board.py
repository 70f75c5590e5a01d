"""`gexbench board`: leaderboards, made from records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gexbench.boards.published import LEADERBOARDS, read_root
from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.boards.rank import Board
    from gexbench.boards.sheet import Page

app = typer.Typer(no_args_is_help=True, help="Leaderboards, made from records and nothing else.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")]
Folder = Annotated[Path, typer.Option("--dir", help="Where the boards are.")]
ReadFolder = Annotated[
    Path | None, typer.Option("--dir", help="Where the boards are: by default ./leaderboards, or else what ships.")
]
Format = Literal["table", "md", "csv", "latex", "html"]


@app.command()
def add(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, record.json files, patterns, or submissions."),
    ],
    folder: Folder = LEADERBOARDS,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Copy the records of runs to the board of their task.

    All are added or, when one is refused, none; the message names each refused one and why. What is no record, such as
    a run that is not finished, is skipped and named. Of a submission every file is checked first, and what a
    maintainer has signed of it counts as verified.

    Example: `gexbench board add runs/sr-srresnet-*`

    Example: `gexbench board add submissions/alice/mykd-sr`
    """
    from gexbench.cli.output import print_json
    from gexbench.submission.publish import add_all

    added = add_all(runs, folder, registry or ())
    if json:
        paths = {"added": list(map(str, added.written)), "already": list(map(str, added.already))}
        print_json({**paths, "skipped": list(added.skipped)})
        return
    for line in added.skipped:
        typer.echo(f"skipped {line}")
    for path in added.written:
        typer.echo(f"added   {path}")
    for path in added.already:
        typer.echo(f"already {path}")
    if added.written:
        given = [f" --registry {each}" for each in registry or ()] + ([f" --dir {folder}"] * (folder != LEADERBOARDS))
        typer.echo(f"now `gexbench board build{''.join(given)}` makes the pages")


@app.command()
def retire(
    record: Annotated[Path, typer.Argument(metavar="RECORD", help="A file in the records/ of a board.")],
    state: Annotated[Literal["withdrawn", "superseded"], typer.Option(help="superseded: another stands for it.")],
    reason: Annotated[str, typer.Option(help="Why, in a line.")],
    by: Annotated[Path | None, typer.Option(help="The record of the board that stands for one superseded.")] = None,
    json: Json = False,
) -> None:
    """Take a record out of the tables of its board: it stays there, marked, with the day and the reason.

    Example: `gexbench board retire leaderboards/sr/records/… --state withdrawn --reason "its pool held test images"`
    """
    from datetime import UTC, datetime

    from gexbench.boards.retired import retire as retire_record
    from gexbench.cli.output import print_json

    place = retire_record(record, state, reason, by, datetime.now(UTC).date())
    if json:
        print_json({"retired": str(place)})
        return
    typer.echo(f"retired {place}\nnow `gexbench board build` makes the pages")


@app.command()
def build(
    board: Annotated[str | None, typer.Argument(metavar="[BOARD]", help="Such as sr; all when left out.")] = None,
    folder: Folder = LEADERBOARDS,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a page is not fresh.")] = False,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Make README.md, the CSV and the pictures of boards from their records: the same records give the same bytes.

    Of a picture --check reads what it says it was drawn of, since other libraries draw other bytes.

    Example: `gexbench board build sr`
    """
    from gexbench.boards.publish import build as build_pages
    from gexbench.boards.publish import folders
    from gexbench.cards.catalog import Catalog
    from gexbench.cli.output import print_json

    catalog = Catalog.load(registry or ())
    built = build_pages(folders(board, folder, catalog), catalog, check)
    if json:
        print_json({"pages": [{"path": str(page.path), "written": not page.fresh} for page in built]})
        return
    for page in built:
        typer.echo(f"{'fresh  ' if page.fresh else 'written'} {page.path}")


@app.command()
def show(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="The board, such as sr.")],
    format_: Annotated[Format, typer.Option("--format", help="table: for the terminal.")] = "table",
    profile: Annotated[str | None, typer.Option(help="Only this scale: mini, small or paper.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="Only tables with these columns, such as attack,B,seeds, and nothing else of them."),
    ] = None,
    folder: ReadFolder = None,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Print a board: ranked rows, controls, defenses, and what was reported elsewhere.

    Example: `gexbench board show sr --profile small --format latex --columns "attack,B,C set5,seeds"`
    """
    from gexbench.boards.publish import as_json, folders, open_board
    from gexbench.cards.catalog import Catalog
    from gexbench.cli.output import print_json
    from gexbench.errors import BoardError

    if columns and (json or format_ == "csv"):
        raise BoardError("--columns chooses among those of tables; CSV and JSON hold a number a row", "leave it out")
    catalog = Catalog.load(registry or ())
    shown = open_board(folders(board, _read_root(folder), catalog)[0], catalog).only(profile)
    if json:
        print_json(as_json(shown))
        return
    _print(shown, format_, columns or [])


@app.command()
def compare(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="The board, such as sr.")],
    rows: Annotated[
        list[str] | None,
        typer.Argument(metavar="A B", help="Two rows, or places of your own runs; every pair when left out."),
    ] = None,
    profile: Annotated[str, typer.Option(help="The scale: mini, small or paper.")] = "mini",
    metric: Annotated[str | None, typer.Option(help="Another number than the one that ranks.")] = None,
    compare_: Annotated[
        Literal["B", "C"] | None, typer.Option("--compare", help="B: with the victim; C: with the truth.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="One test split; the mean of all when left out.")] = None,
    margin: Annotated[float | None, typer.Option(help="What is too small to matter, in the metric's unit.")] = None,
    folder: ReadFolder = None,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Say of two rows whether they are different, equivalent, or neither is shown.

    A row is named as the board names it, with what it met: "sngan (steps=4000)", "srresnet against jpeg", "sngan at
    1000". A run folder, a folder of runs or a quoted pattern names runs of your own.

    Example: `gexbench board compare sr "srresnet against jpeg" srresnet --margin 0.1`

    Example: `gexbench board compare sr srresnet "runs/sr-mine-mini-*"`

    Example: `gexbench board compare monet2photo --metric lpips-alex`
    """
    from gexbench.boards.bootstrap import with_images
    from gexbench.boards.compare import Question, contest, contests
    from gexbench.boards.compare_page import as_json, compare_page
    from gexbench.boards.publish import folders, open_board
    from gexbench.boards.side import Number
    from gexbench.cards.catalog import Catalog
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.errors import BoardError

    if rows and len(rows) != 2:
        raise BoardError(
            f"there are {len(rows)} rows to compare", "name two, or none for every pair; a pattern stands in quotes"
        )
    catalog = Catalog.load(registry or ())
    opened = open_board(folders(board, _read_root(folder), catalog)[0], catalog)
    main = opened.task.main
    question = Question(opened, profile, Number(metric or main.metric, compare_ or main.compare, test), margin)
    with Ticker(silent=json) as ticker:
        found = [with_images(contest(question, *rows), question, catalog, ticker.tick)] if rows else contests(question)
    if json:
        print_json(as_json(question, found))
        return
    _show(compare_page(question, found))


def _read_root(folder: Path | None) -> Path:
    """Return the folder to read boards from, and say on stderr where it is the one that ships."""
    root = read_root(folder)
    if folder is None and root != LEADERBOARDS:
        typer.echo(f"note: no folder {LEADERBOARDS} here; these are the records that ship with gexbench", err=True)
    return root


def _show(page: Page) -> None:
    """Print a page as tables, as wide as the terminal."""
    from rich.console import Console

    from gexbench.boards.render import to_terminal

    console = Console()
    for part in to_terminal(page, console.width):
        console.print(part, highlight=False)


def _print(board: Board, format_: Format, columns: list[str]) -> None:
    from gexbench.boards.columns import with_columns
    from gexbench.boards.flat import to_csv
    from gexbench.boards.latex import to_latex
    from gexbench.boards.markdown import to_markdown
    from gexbench.boards.render import to_html
    from gexbench.boards.sections import page

    shown = page(board)
    if columns:
        shown = with_columns(shown, columns)
    if format_ == "table":
        _show(shown)
        return
    texts = {
        "md": lambda: to_markdown(shown),
        "csv": lambda: to_csv(board),
        "latex": lambda: to_latex(shown),
        "html": lambda: to_html(shown),
    }
    typer.echo(texts[format_](), nl=False)
