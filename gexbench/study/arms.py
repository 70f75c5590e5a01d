"""The pictures of a study, from what runs kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import DatasetCard
from gexbench.core.dataset import Dataset
from gexbench.engine.run.kept_evidence import read_kept
from gexbench.engine.store import datasets
from gexbench.record import RunRecord, read_record, record_file
from gexbench.study.key import Side, StudyError


@dataclass(frozen=True)
class Arms:
    """Images (3,h,w) uint8 of both arms in one order.

    names: of the sources. pictures: arm a and arm b, as many as sources, of one size. truth: pictures of what the
    service should make, maybe fewer or more.
    """

    task: str
    profile: str
    sides: tuple[Side, Side]
    names: Sequence[str]
    sources: Sequence[Tensor]
    pictures: tuple[Sequence[Tensor], Sequence[Tensor]]
    truth: Sequence[Tensor]


def open_arms(first: Path, second: Path | None, catalog: Catalog) -> Arms:
    """Return the surrogates' pictures of two runs; with one run the other arm (a) is its service.

    Raises StudyError where the runs have not answered the same images, DataMissing where nothing was kept.
    """
    places = [first] if second is None else [first, second]
    records = [_record(place) for place in places]
    plan = records[0].plan
    if records[-1].plan.dataset != plan.dataset or records[-1].plan.profile != plan.profile:
        raise StudyError(
            f"{places[0]} and {places[-1]} did not answer the same images", "give two runs of one task and profile"
        )
    splits = _dataset(records[0], catalog).tests()
    kept = [read_kept(_folder(p), r.evidence_sha256, splits) for p, r in zip(places, records, strict=True)]
    tests = list(kept[0].values())
    sources = [image for test in tests for image in test.inputs]
    if not sources:
        raise StudyError(
            f"{plan.task.name} draws and translates nothing: no source stands beside a picture",
            "give runs of a task that translates images",
        )
    models: list[Literal["victim", "surrogate"]] = ["surrogate", "surrogate"] if second else ["victim", "surrogate"]
    both = (kept[0], kept[-1])
    found = [[x for t in k.values() for x in getattr(t, m) or ()] for k, m in zip(both, models, strict=True)]
    _refuse_unlike(sources, found)
    named = [
        Side(run=r.plan.run_name, model=m, evidence_sha256=r.evidence_sha256 or "")
        for r, m in zip((records[0], records[-1]), models, strict=True)
    ]
    return Arms(
        plan.task.name,
        plan.profile.name,
        (named[0], named[1]),
        [f"{split}/{name}" for split, test in kept[0].items() for name in test.names],
        sources,
        (found[0], found[1]),
        [image for test in tests for image in test.truth],
    )


def _record(place: Path) -> RunRecord:
    record = read_record(record_file(place))
    if record.status != "ok":
        raise StudyError(f"{place} is a run without a score", "run it again")
    return record


def _folder(place: Path) -> Path:
    return place if place.is_dir() else place.parent


def _dataset(record: RunRecord, catalog: Catalog) -> Dataset:
    card = record.plan.dataset
    made: Dataset = load_entry(card.reader)(
        card.settings, datasets.locate(card, catalog.filed(DatasetCard, card.name).pins)
    )
    return made


def _refuse_unlike(sources: Sequence[Tensor], arms: Sequence[Sequence[Tensor]]) -> None:
    for images in arms:
        if len(images) != len(sources):
            raise StudyError(f"{len(images)} pictures were kept for {len(sources)} sources", "run it again")
    for a, b in zip(*arms, strict=True):
        if a.shape != b.shape:
            raise StudyError(
                f"a picture of one arm is {tuple(a.shape)} and of the other {tuple(b.shape)}: that would tell them",
                "give runs of one victim",
            )
