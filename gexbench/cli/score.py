"""`gexbench score`: two folders of images, any metrics."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gexbench.cli.options import Registry
from gexbench.foreign_text import escaped

if TYPE_CHECKING:
    from rich.table import Table

    from gexbench.comparison import Comparison, ReferenceComparison


def score(
    images: Annotated[Path, typer.Argument(help="A folder of images or a zip: what is judged.")],
    reference: Annotated[Path, typer.Argument(help="A folder of images or a zip: what it is held against.")],
    metric: Annotated[
        str, typer.Option(help="Names of metrics with commas between, or all; see `gexbench list metrics`.")
    ] = "fid",
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    backend: Annotated[
        Literal["gexbench", "reference"],
        typer.Option(help="reference: the same by clean-fid, scikit-image and lpips, too, and the difference."),
    ] = "gexbench",
    strip: Annotated[
        str, typer.Option(help="What to take off the ends of file names before they pair, with commas between.")
    ] = "",
    registry: Registry = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Keep no features for later calls.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score one set of images against another.

    Below 2048 images FID brings KID along. Paired metrics (psnr-rgb, ssim-rgb, ms-ssim, lpips-alex …) want files of
    equal names and sizes on both sides; `--strip=_fake_B,_real_B` takes ends of names off first. A metric that cannot
    be measured is named with the reason, and the others are printed. Where none can be measured the exit code is 2, or
    4 where weights are missing.

    Beside a value stands its standard error over the images: how far another draw of them may take it. Where metrics of
    sets and of pairs are named together, sets count as paired, too: a perfect copy then has a KID of 0.

    Notes say what the two sets really were: files left out, copies, images on both sides, and files of other depths,
    sizes, containers, profiles or orientations.

    With `--backend reference` each metric that is named is computed once more, by the library the field trusts, on the
    same files; one that no library here computes counts as one that cannot be measured.

    Example: `gexbench score samples/ photos.zip --metric fid,kid,lpips-alex`
    """
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import MetricCard
    from gexbench.cli.output import print_model
    from gexbench.cli.progress import Ticker
    from gexbench.engine.scoring.compare import Setup, compare, everything
    from gexbench.engine.scoring.features.images import open_images
    from gexbench.engine.store.paths import features_folder

    names = [name.strip().lower() for name in metric.split(",") if name.strip()]
    warnings.filterwarnings("ignore", module=r"PIL\.")  # a library's remarks on tags name no file
    stripped = tuple(text for text in strip.split(",") if text)
    setup = Setup(Catalog.load(registry or ()), device, None if no_cache else features_folder(), stripped)
    sides = open_images(images), open_images(reference)
    unpaired: dict[str, str] = {}
    if names == ["all"]:
        names, unpaired = everything(sides, setup)
    found: Comparison
    with Ticker(silent=json) as ticker:
        if backend == "reference":
            from gexbench.engine.scoring.reference import compare_with_libraries

            found = compare_with_libraries(*sides, names, setup, ticker.tick)
        else:
            found = compare(*sides, names, setup, ticker.tick)
    found = found.model_copy(update={"absent": {**found.absent, **unpaired}})
    if json:
        print_model(found)
    else:
        arrows = {name: filed.card.arrow for name, filed in setup.catalog.all(MetricCard).items()}
        _print(found, escaped(f"{images} against {reference}"), arrows)
    if found.absent and not found.scores:
        raise typer.Exit(4 if any("gexbench assets fetch" in why for why in found.absent.values()) else 2)


def _print(found: Comparison, title: str, arrows: Mapping[str, str]) -> None:
    from rich.console import Console

    from gexbench.comparison import ReferenceComparison

    console = Console()
    if isinstance(found, ReferenceComparison):
        console.print(_reference_table(found, title))
    elif found.scores:
        console.print(_table(found, title, arrows))
    for name, why in found.absent.items():
        console.print(f"absent  {name}: {why}", highlight=False, markup=False, soft_wrap=True)
    for note in found.notes:
        console.print(f"note    {note}", highlight=False, markup=False, soft_wrap=True)


def _table(found: Comparison, title: str, arrows: Mapping[str, str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("metric", title=Text(title), title_justify="left")
    for column in ("value", "± error", "floor", "images", "reference"):
        table.add_column(column, justify="right")
    for each in found.scores:
        unit = "" if each.unit == "1" else f" {each.unit}"
        floor = f"{_digits(each.floor.value)} (2 × {each.floor.n})" if each.floor else ""
        error = "" if each.se is None else _digits(each.se)
        counts = str(each.n), str(each.n_reference)
        table.add_row(each.metric, f"{_digits(each.value)}{unit} {arrows[each.metric]}", error, floor, *counts)
    return table


def _reference_table(found: ReferenceComparison, title: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("metric", title=Text(title), title_justify="left")
    for column in ("gexbench", "reference", "difference"):
        table.add_column(column, justify="right")
    table.add_column("library")
    for each in found.references:
        values = f"{each.ours:.8f}", f"{each.reference:.8f}", f"{each.difference:.1e}"
        table.add_row(each.metric, *values, f"{each.library} {each.version}")
    return table


def _digits(value: float) -> str:
    """Return a number with four digits behind the point, or with four in all where that would show mostly zeros."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 0.01 else f"{value:.3e}"
