"""The list of hashes beside the card of a data set, written from the files that are there."""

from __future__ import annotations

from pathlib import Path

from gexbench.cards.schema import DatasetCard
from gexbench.core.attack import Progress
from gexbench.engine.store import pictures
from gexbench.engine.store.datasets import Files, Report
from gexbench.errors import DataMissing
from gexbench.files import atomic_write
from gexbench.foreign_text import escaped


def examined(card: DatasetCard, pins: Path, progress: Progress) -> Report:
    """Look at all files as if the card pinned none; raises as `pictures.verify`. pins: where the list would lie."""
    return pictures.verify(card.model_copy(update={"pinned": False}), pins, progress)


def refuse_faults(card: DatasetCard, report: Report) -> None:
    """Raise DataMissing with the first thing that is wrong with a data set, and how many more there are."""
    missing = [f"missing {escaped(name)}" for name in report.missing]
    misnamed = [f"left out for upper or lower case in its name {escaped(name)}" for name in report.misnamed]
    faults = [*report.unreadable, *missing, *report.differing, *misnamed, *report.shared]
    if faults:
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise DataMissing(f"data set {card.name}: {faults[0]}{more}", report.nearby or "mend it, or take it out")


def write_pins(files: Files, pins: Path) -> int:
    """Write the list of all files and return how many they are; raises OutputError.

    Raises DataMissing for a name that a list of lines cannot hold.
    """
    lines = {file.name: file.sha256 for listed in files.values() for file in listed if file.path is not None}
    for name in lines:
        if not name.isprintable():
            raise DataMissing(f"the name {escaped(name)} cannot stand in a list of hashes", "rename the file")
    atomic_write(pins, "".join(f"{lines[name]}  {name}\n" for name in sorted(lines)).encode())
    return len(lines)
