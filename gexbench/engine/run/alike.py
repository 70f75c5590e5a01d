"""Another data set of the layout of one that ships, made of images that somebody has, or that a victim draws."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DatasetCard, VictimCard
from gexbench.core.attack import Progress
from gexbench.core.images import decode_8bit
from gexbench.core.plain_png import plain_png
from gexbench.engine.kinds.sampling import drawn_from, surrogate_latents
from gexbench.engine.service.victim import open_victim
from gexbench.engine.store.downloads import contents
from gexbench.engine.store.rebuild import lay
from gexbench.engine.store.victim_weights import weights_path, weights_sha256
from gexbench.errors import DataMissing, PlanError, nearest
from gexbench.file_kinds import IMAGE_ENDINGS

_AT_ONCE = 64


@dataclass(frozen=True)
class Part:
    """Folders of a layout, and where their images come from: a folder, a zip, a tar, or a victim that draws."""

    folders: tuple[str, ...]
    source: str

    @classmethod
    def of(cls, text: str) -> Part:
        """Read `pool,testA=faces.zip`; raises PlanError for another text."""
        folders, sign, source = text.partition("=")
        listed = tuple(each.strip("/") for each in folders.split(",") if each.strip("/"))
        if not sign or not listed or not source:
            raise PlanError(f"{text!r} is not FOLDER=SOURCE", "such as selfie2anime/pool,selfie2anime/testA=faces/")
        return cls(listed, source)


def names_of(names: Iterable[str], parts: Sequence[Part]) -> list[list[str]]:
    """Return for each part the files of the layout that it gives; raises PlanError for one that has none, or is twice.

    names: of the layout's files. Raises PlanError for files that no part gives.
    """
    left = sorted(names)
    tops = {name.rpartition("/")[0] for name in left}
    found: list[list[str]] = []
    for part in parts:
        taken = [name for name in left if name.startswith(tuple(f"{folder}/" for folder in part.folders))]
        for folder in part.folders:
            if not any(name.startswith(f"{folder}/") for name in taken):
                raise PlanError(f"{folder!r} is no folder of the layout, or is given twice", nearest(folder, tops))
        left = [name for name in left if name not in set(taken)]
        found.append(taken)
    if left:
        missing = sorted({name.rpartition("/")[0] for name in left})
        raise PlanError(f"no source for {', '.join(missing[:5])}", "give FOLDER=SOURCE for each")
    return found


def lay_out(part: Part, names: Sequence[str], target: Path, catalog: Catalog, progress: Progress) -> None:
    """Write as many images of a part's source as there are names, below `target`, as PNG, no picture twice.

    Raises DataMissing where the source has fewer, AssetMissing where a victim has no weights here.
    """
    known = catalog.all(VictimCard)
    images = _drawn(known[part.source].card, catalog) if part.source in known else _read(Path(part.source))
    seen: set[bytes] = set()
    for image in images:
        content = plain_png(image)
        if content in seen:
            continue
        if len(seen) == len(names):
            break
        lay(target / as_png(names[len(seen)]), content)
        seen.add(content)
        progress(", ".join(part.folders), len(seen), len(names))
    if len(seen) < len(names):
        raise DataMissing(f"{part.source} has {len(seen)} pictures, {len(names)} are needed", "give a source of more")


def _read(place: Path) -> Iterator[Tensor]:
    for name, content in contents(place):
        if PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS:
            yield decode_8bit(content, name)


def _drawn(card: VictimCard, catalog: Catalog) -> Iterator[Tensor]:
    """Yield what a victim draws, the same on every machine save for rounding."""
    victim = open_victim(card, weights_path(card, catalog), weights_sha256(card, catalog), "cpu")
    if not card.draws or victim.latent_size is None:
        raise PlanError(f"victim {card.name!r} draws no images", "gexbench victim list")
    for first in count(0, _AT_ONCE):
        yield from drawn_from(victim, surrogate_latents(range(first, first + _AT_ONCE), victim.latent_size, 0))


def as_png(name: str) -> str:
    """Return the name of a file, or a pattern, as it is called in a set that was made so."""
    return re.sub(r"\.[A-Za-z0-9]+$", ".png", name)


def card_alike(card: DatasetCard, name: str, folder: str) -> str:
    """Return the text of a card for a set of the same layout, whose files lie in `folder`."""
    head = {
        "name": name,
        "summary": f"The layout of {card.name} with images of my own.",
        "reader": card.reader,
        "folder": folder,
        "licence": "none stated",
        "seed": card.seed,
    }
    lines = [f"{key} = {_value(value)}" for key, value in head.items()]
    lines += ["", "[settings]", *(f"{key} = {_value(value)}" for key, value in card.settings.items())]
    for split, files in card.splits.named().items():
        lines += ["", f"[splits.{split.replace('/', '.')}]", 'within = "folder"']
        lines.append(f"files = {_value([as_png(pattern) for pattern in files.files])}")
        lines += [f"share = {files.share:g}"] if files.share is not None else []
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
