"""Whether the images of a data set can be read, and whether two splits show the same ones, pixel for pixel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import PIL

from gexbench import __version__
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import DatasetCard
from gexbench.core.attack import Progress
from gexbench.core.dataset import Dataset
from gexbench.core.images import decode_8bit
from gexbench.engine.store import datasets
from gexbench.engine.store.datasets import Files
from gexbench.engine.store.paths import home
from gexbench.engine.store.zip_folder import File
from gexbench.errors import DataMissing, OutputError
from gexbench.file_kinds import HEAD, IMAGE_ENDINGS, kind_of
from gexbench.files import atomic_write


@dataclass(frozen=True)
class Looked:
    """What is wrong with the images of a data set, an error or a sentence for each; and how many differ, by split."""

    unreadable: tuple[DataMissing, ...]
    shared: tuple[str, ...]
    distinct: dict[str, int]


def verify(card: DatasetCard, pins: Path, progress: Progress) -> datasets.Report:
    """Tell of all that a run would refuse in a data set; raises CardError as `datasets.locate`."""
    report = datasets.verify(card, pins)
    dataset: Dataset | None = load_entry(card.reader)(card.settings, report.files) if report.ok else None
    looked = look(report.files, dataset, progress)
    unreadable = (*report.unreadable, *map(str, looked.unreadable))
    return replace(report, unreadable=unreadable, shared=looked.shared, distinct=looked.distinct)


def look(files: Files, dataset: Dataset | None, progress: Progress) -> Looked:
    """Decode every image file once, and make every test image as a run will; dataset: None where files are missing.

    Files that are no images by ending and content are left to their reader; images that are drawn are not looked at.
    """
    every = [file for listed in files.values() for file in listed if file.path is not None]
    unreadable: list[DataMissing] = []
    pixels: dict[str, str] = {}
    with ThreadPoolExecutor() as workers:
        for done, (file, found) in enumerate(zip(every, workers.map(_pixels, every), strict=True), start=1):
            progress("looking at images", done, len(every))
            if isinstance(found, DataMissing):
                unreadable.append(found)
            elif found is not None:
                pixels[file.sha256] = found
    shared = tuple(datasets.overlaps(files, lambda file: pixels.get(file.sha256, file.sha256), "picture"))
    if dataset is not None and not unreadable:
        unreadable += _tests(dataset, progress)
    counts = {split: len({pixels.get(file.sha256, file.sha256) for file in listed}) for split, listed in files.items()}
    return Looked(tuple(unreadable), shared, counts)


def refuse(card: DatasetCard, files: Files, dataset: Dataset, progress: Progress) -> None:
    """Raise DataMissing where `look` finds a fault; a set in which it found none is not looked at again."""
    if all(file.path is None for listed in files.values() for file in listed):
        return
    seen = _seen(card, files)
    if seen.is_file():
        return
    looked = look(files, dataset, progress)
    for error in looked.unreadable:
        raise DataMissing(f"data set {card.name}: {error}", error.hint)
    for shared in looked.shared:
        raise DataMissing(f"data set {card.name}: {shared}", datasets.NO_IMAGE_TWICE)
    try:
        atomic_write(seen, f"{card.name}\n".encode())
    except OutputError:
        return  # then it is looked at again


def _pixels(file: File) -> str | DataMissing | None:
    """Return a hash of an image's size and pixels; None for what is no image, a DataMissing for what cannot be read."""
    try:
        content = file.read()
        kind = kind_of(content[:HEAD])
        if PurePosixPath(file.name).suffix.lower() not in IMAGE_ENDINGS and (kind is None or kind.group != "image"):
            return None
        image = decode_8bit(content, file.name)
    except DataMissing as error:
        return error
    held = hashlib.blake2b(f"{image.shape[-2]}x{image.shape[-1]} ".encode(), digest_size=16)
    held.update(image.contiguous().numpy().data)
    return held.hexdigest()


def _tests(dataset: Dataset, progress: Progress) -> Sequence[DataMissing]:
    """Return what keeps the reader of a set from making its test images: one that is too small, say."""
    made: list[object] = []
    try:
        for name, split in dataset.tests().items():
            for images in (split.inputs, split.truth):
                if any(images is each for each in made):
                    continue  # all tests of a style share its images
                made.append(images)
                for index in range(len(images)):
                    progress(f"looking at test {name}", index + 1, len(images))
                    images[index]
    except DataMissing as error:
        return [error]
    return []


def _seen(card: DatasetCard, files: Files) -> Path:
    """Return the file that stands for a set in which no fault was found, read with the same libraries and settings."""
    facts = [datasets.digest(card, files), card.reader, card.settings, __version__, PIL.__version__]
    return home() / "seen" / hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
