"""`gexbench study`: people rate the pictures of two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexbench.cli.options import Registry

app = typer.Typer(
    no_args_is_help=True,
    help="User studies: do people rate the pictures of two models alike?\n\n"
    "Example: `gexbench study make runs/monet2photo-… --to study`",
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")]


@app.command()
def make(
    run_a: Annotated[Path, typer.Argument(help="The folder of a run that kept its answers.")],
    run_b: Annotated[Path | None, typer.Argument(help="Another one; without it RUN_A against its own service.")] = None,
    to: Annotated[Path, typer.Option("--to", help="The study's folder, a new one.")] = Path("study"),
    images: Annotated[int, typer.Option(help="Images that are rated, an even number; each in both arms.")] = 20,
    raters: Annotated[
        int, typer.Option(help="Raters, an even number: so many codes are drawn, half for each page.")
    ] = 24,
    margin: Annotated[float, typer.Option(help="Points of the scale within which the arms are equivalent.")] = 0.5,
    question: Annotated[str | None, typer.Option(help="What raters are asked.")] = None,
    seed: Annotated[
        str | None, typer.Option(help="Draw from this text; keep it secret. Else one is drawn, and kept in the key.")
    ] = None,
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Write two pages that raters open from a disk, the raters' codes, and the key, which says what is what.

    Give away what lies in `pages/`, and to each rater the code that `raters.csv` has for that page. Keep `key.json` to
    yourself, and publish its SHA-256 before you collect answers: margin, rules and arms are then settled.

    Example: `gexbench study make runs/monet2photo-… --to study`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cli.output import print_json
    from gexbench.study import pages
    from gexbench.study.arms import open_arms
    from gexbench.study.design import Wish
    from gexbench.study.key import NAME, PAGES, rules_of

    wish = Wish(images, raters, seed or pages.new_seed())
    rules = rules_of(margin, question or pages.QUESTION)
    made = pages.make(open_arms(run_a, run_b, Catalog.load(registry or ())), wish, rules, to)
    if json:
        files = [str(to / PAGES / group.page) for group in made.key.groups]
        print_json({"study": made.study, "key_sha256": made.key_sha256, "folder": str(to), "pages": files})
        return
    for group in made.key.groups:
        typer.echo(f"{to / PAGES / group.page}  {len(group.items)} questions, {len(group.raters)} raters")
    typer.echo(f"{to / 'raters.csv'}  each rater's code and page")
    typer.echo(f"{to / NAME}  the key; SHA-256 {made.key_sha256}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="The folder that `gexbench study make` wrote.")],
    answers: Annotated[list[Path], typer.Argument(help="The CSV files of raters.")],
    to: Annotated[Path | None, typer.Option("--to", help="Write the report as a page, with its figures.")] = None,
    json: Json = False,
) -> None:
    """Say what raters found: the effect with intervals, a test of equivalence, and what a larger study could show.

    Example: `gexbench study report study answers-*.csv --to report.html`
    """
    from gexbench.cli.output import print_json
    from gexbench.files import atomic_write
    from gexbench.study.analysis import analyse, document
    from gexbench.study.answers import read_answers
    from gexbench.study.key import read_key
    from gexbench.study.report import html, text

    key, study = read_key(folder)
    found = analyse(read_answers(answers, key, study), key, study)
    if to is not None:
        atomic_write(to, html(found).encode())
    if json:
        print_json(document(found))
        return
    typer.echo(text(found))
