"""Any two sets of images, any metrics."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.core.attack import Progress
from gexbench.engine.machine import hardware, provenance
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import ImageSet
from gexbench.engine.scoring.measure import (
    CannotMeasure,
    FeatureMetric,
    Pair,
    PairedMetric,
    Prepared,
    ReadyMetric,
    measure,
    prepare,
)
from gexbench.errors import PlanError
from gexbench.record import Comparison, Measurement

FEW = 2048
KID, KID_OF_FEW, FID = "kid", "kid-100", "fid"
_KID_IMAGES, _FEWEST = 1000, 100


@dataclass(frozen=True)
class Setup:
    """What a comparison needs: cards, a device as in `hardware.choose`, and where features are kept (None: nowhere)."""

    catalog: Catalog
    device: str
    folder: Path | None


def compare(
    images: ImageSet, reference: ImageSet, names: Sequence[str], setup: Setup, progress: Progress
) -> Comparison:
    """Measure metrics between two sets; one that is not defined for them is absent, with the reason.

    Where a side has 100 to 2047 images FID brings KID along, which has no bias at any count. Raises CardError for an
    unknown metric, PlanError when none is named or when paired metrics are asked for and the names of the images do not
    pair, DataMissing naming an image that cannot be read.
    """
    if not names:
        raise PlanError("no metric is named", "gexbench list metrics")
    names = _with_kid(list(dict.fromkeys(names)), min(len(images.names), len(reference.names)))
    metrics = prepare([setup.catalog.get(MetricCard, name) for name in names], setup.catalog)
    paired = any(isinstance(metric, PairedMetric) for metric in metrics.ready.values())
    pair = Pair(images, reference, partners(images.names, reference.names) if paired else None)
    kept = setup.folder if any(isinstance(metric, FeatureMetric) for metric in metrics.ready.values()) else None
    with Collector(setup.catalog, setup.device, kept) as collector:
        scores, absent = _readings(metrics, pair, collector, progress)
        return Comparison(
            scores=tuple(scores),
            absent=absent,
            images=collector.digest(images, progress),
            reference=collector.digest(reference, progress),
            package=provenance.own_version(),
            libraries=provenance.versions(),
            processor=hardware.processor(),
            device=collector.device,
        )


def _readings(
    metrics: Prepared, pair: Pair, collector: Collector, progress: Progress
) -> tuple[list[Measurement], dict[str, str]]:
    scores, absent = [], dict(metrics.absent)
    for name, metric in metrics.ready.items():
        try:
            scores.append(_measured(metric, pair, collector, progress))
        except CannotMeasure as error:
            absent[name] = str(error)
    return scores, absent


def partners(names: Sequence[str], reference: Sequence[str]) -> list[int]:
    """Return for each name the place of its partner in `reference`: the same path, less the ending.

    Paths count from the deepest folder that holds all of a side's images. Raises PlanError naming the first image that
    has none, or two of one name.
    """
    mine, theirs = _places(names), _places(reference)
    for name in sorted(mine.keys() ^ theirs.keys()):
        side = "the reference lacks" if name in mine else "the images lack"
        raise PlanError(
            f"paired metrics need an image of every name on both sides; {side} {name!r}",
            "give folders whose files are named alike, or metrics of sets: fid, kid, precision …",
        )
    return [theirs[stem] for stem in mine]


def _places(names: Sequence[str]) -> dict[str, int]:
    top = os.path.commonpath([PurePosixPath(name).parent for name in names])
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        stem = str(PurePosixPath(name).relative_to(top).with_suffix(""))
        if stem in places:
            raise PlanError(f"{names[places[stem]]!r} and {name!r} differ in the ending alone", "rename one")
        places[stem] = index
    return places


def _with_kid(names: list[str], count: int) -> list[str]:
    kid = KID if count >= _KID_IMAGES else KID_OF_FEW
    wanted = _FEWEST <= count < FEW and any(name.split("-")[0] == FID for name in names)
    return [*names, kid] if wanted and not {KID, KID_OF_FEW} & set(names) else names


def _measured(metric: ReadyMetric, pair: Pair, collector: Collector, progress: Progress) -> Measurement:
    reading = measure(metric, pair, collector, progress)
    return Measurement(
        metric=metric.card.name,
        value=reading.value,
        unit=metric.card.unit,
        higher_is_better=metric.card.higher_is_better,
        n=reading.n,
        n_reference=reading.n_reference,
        floor=reading.floor,
        passport=metric.passport,
    )
