"""Any two sets of images, any metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.comparison import Comparison, Measurement, PairValue
from gexbench.core.attack import Progress
from gexbench.core.pairing import partners
from gexbench.engine.machine import hardware, provenance
from gexbench.engine.scoring.census import Census, refuse_nested
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import ImageSet
from gexbench.engine.scoring.measure import (
    CannotMeasure,
    FeatureMetric,
    Pair,
    PairedMetric,
    Prepared,
    Reading,
    ReadyMetric,
    measure,
    prepare,
)
from gexbench.errors import PlanError
from gexbench.foreign_text import escaped

FEW = 2048
KID, FID = "kid", "fid"
_PAIRS = "images pair by name: kid leaves the pairs themselves out, sets have no floor, and errors are those of pairs"


@dataclass(frozen=True)
class Setup:
    """What a comparison needs: cards, a device as in `hardware.choose`, and where features are kept (None: nowhere).

    strip: what is taken off the ends of file names before they are paired.
    """

    catalog: Catalog
    device: str
    folder: Path | None
    strip: tuple[str, ...] = ()


def compare(
    images: ImageSet, reference: ImageSet, names: Sequence[str], setup: Setup, progress: Progress
) -> Comparison:
    """Measure metrics between two sets; one that is not defined for them is absent, with the reason.

    Where a side has fewer than 2048 images FID brings KID along, which has no bias at any count. Where metrics of pairs
    are among those that are named, metrics of sets know the pairs too, which is noted. Raises CardError for an
    unknown metric, PlanError when none is named or when paired metrics are asked for and the names of the images do not
    pair, or when one side lies inside the other, DataMissing naming an image that cannot be read.
    """
    if not names:
        raise PlanError("no metric is named", "gexbench list metrics")
    refuse_nested(images, reference)
    names = _with_kid(list(dict.fromkeys(names)), min(len(images.names), len(reference.names)))
    metrics = prepare([setup.catalog.get(MetricCard, name) for name in names], setup.catalog)
    paired = any(isinstance(metric, PairedMetric) for metric in metrics.ready.values())
    found = partners(images.names, reference.names, setup.strip) if paired else None
    pair = Pair(images, reference, found.order if found else None, paired=found is not None)
    of_sets = any(isinstance(metric, FeatureMetric) for metric in metrics.ready.values())
    kept, told = setup.folder if of_sets else None, found.notes if found else ()
    told += (_PAIRS,) if found and of_sets else ()
    with Collector(setup.catalog, setup.device, kept) as collector:
        readings, absent = _readings(metrics, pair, collector, progress)
        census = Census(images, reference, collector, progress)
        scores = tuple(_measurement(metrics.ready[name], reading, pair, census) for name, reading in readings.items())
        return Comparison(
            scores=scores,
            absent=absent,
            notes=(*told, *census.notes(), *map(_of_identical, filter(_split, scores))),
            sides=census.sides,
            images=collector.digest(images, progress),
            reference=collector.digest(reference, progress),
            package=provenance.own_version(),
            libraries=provenance.versions(),
            processor=hardware.processor(),
            device=collector.device,
        )


def everything(sides: tuple[ImageSet, ImageSet], setup: Setup) -> tuple[list[str], dict[str, str]]:
    """Return the names of all metrics, less those of pairs where the images do not pair, which come with the reason."""
    cards = [filed.card for filed in setup.catalog.all(MetricCard).values()]
    try:
        partners(sides[0].names, sides[1].names, setup.strip)
    except PlanError as error:
        why = str(error).partition("\n")[0]
        return [card.name for card in cards if not card.paired], {card.name: why for card in cards if card.paired}
    return [card.name for card in cards], {}


def _readings(
    metrics: Prepared, pair: Pair, collector: Collector, progress: Progress
) -> tuple[dict[str, Reading], dict[str, str]]:
    readings, absent = {}, dict(metrics.absent)
    for name, metric in metrics.ready.items():
        try:
            readings[name] = measure(metric, pair, collector, progress)
        except CannotMeasure as error:
            absent[name] = str(error)
    return readings, absent


def _with_kid(names: list[str], count: int) -> list[str]:
    wanted = 2 <= count < FEW and any(name.split("-")[0] == FID for name in names)
    known = any(name.split("-")[0] == KID for name in names)
    return [*names, KID] if wanted and not known else names


def _measurement(metric: ReadyMetric, reading: Reading, pair: Pair, census: Census) -> Measurement:
    order = range(reading.n) if pair.order is None else pair.order
    same = census.identical(order) if reading.values else set()
    same |= {index for index, value in enumerate(reading.values) if math.isinf(value)}
    others = [value for index, value in enumerate(reading.values) if index not in same]
    mine, theirs = pair.images.names, pair.reference.names
    return Measurement(
        metric=metric.card.name,
        value=reading.value,
        unit=metric.card.unit,
        higher_is_better=metric.card.higher_is_better,
        n=reading.n,
        n_reference=reading.n_reference,
        floor=reading.floor,
        se=reading.se,
        passport=metric.passport,
        pairs=tuple(
            PairValue(image=escaped(mine[index]), reference=escaped(theirs[order[index]]), value=value)
            for index, value in enumerate(reading.values)
        ),
        identical=len(same),
        of_others=math.fsum(others) / len(others) if others else None,
    )


def _split(score: Measurement) -> bool:
    return score.identical > 0


def _of_identical(score: Measurement) -> str:
    unit = "" if score.unit == "1" else f" {score.unit}"
    told = f"{score.metric}: {score.identical} of {len(score.pairs)} pairs identical"
    return (
        told
        if score.of_others is None
        else f"{told}; the other {len(score.pairs) - score.identical}: {score.of_others:.4g}{unit}"
    )
