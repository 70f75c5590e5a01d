"""One metric between two sets of images, whichever kind of metric it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import AssetCard, ExtractorCard, MetricCard
from gexbench.core.attack import Progress
from gexbench.core.draws import deviation, standard_error
from gexbench.core.features import Features
from gexbench.core.metric import Estimate, Evidence, Metric, PairMetric, SetEstimator, SetMetric
from gexbench.engine.scoring.features.collect import Collector, StoredFeatures
from gexbench.engine.scoring.features.images import Floats, ImageSet
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing, GexbenchError
from gexbench.foreign_text import escaped
from gexbench.record import Floor, Passport

PRECISION = "float64 on 8-bit images"


class CannotMeasure(GexbenchError):
    """A metric is not defined for these images."""


@dataclass(frozen=True)
class PairedMetric:
    """A metric that compares images one by one."""

    card: MetricCard
    passport: Passport
    metric: Metric


@dataclass(frozen=True)
class FeatureMetric:
    """A metric that compares sets by their features."""

    card: MetricCard
    passport: Passport
    metric: SetMetric
    extractor: ExtractorCard


ReadyMetric = PairedMetric | FeatureMetric


@dataclass(frozen=True)
class Prepared:
    """Metrics ready to measure, and why others are absent."""

    ready: Mapping[str, ReadyMetric]
    absent: Mapping[str, str]


@dataclass(frozen=True)
class TransferSet:
    """What a service answered an attack with in a run, and as many images that it draws for no client."""

    queried: ImageSet
    unqueried: ImageSet


@dataclass(frozen=True)
class Pair:
    """Two sets of images; `order` gives for each image its partner in the reference, None the one of its number.

    paired: whether partners were made from one input, which metrics of sets may make use of; metrics of pairs take it
    for granted.
    """

    images: ImageSet
    reference: ImageSet
    order: Sequence[int] | None = None
    paired: bool = False
    transfer: TransferSet | None = None


@dataclass(frozen=True)
class Reading:
    """A value, the counts behind it, and for metrics with a floor the value between two halves of the reference.

    se: the standard error of the value over the images, None where they are too few for one. values: what the value is
    the mean of, one a pair; empty where that is not known.
    """

    value: float
    n: int
    n_reference: int
    floor: Floor | None = None
    se: float | None = None
    values: tuple[float, ...] = ()


def prepare(cards: Iterable[MetricCard], catalog: Catalog) -> Prepared:
    """Build the metrics whose weights are here; the others are absent, with the command that fetches them."""
    ready: dict[str, ReadyMetric] = {}
    absent: dict[str, str] = {}
    for card in cards:
        try:
            ready[card.name] = made_ready(card, catalog)
        except AssetMissing as error:
            absent[card.name] = f"{error} ({error.hint})"
    return Prepared(ready, absent)


def made_ready(card: MetricCard, catalog: Catalog) -> ReadyMetric:
    """Build one metric; raises AssetMissing when its weights are not here."""
    extractor = catalog.get(ExtractorCard, card.features) if card.features else None
    names = [*card.assets, *(extractor.assets if extractor else ())]
    pinned, store = {name: catalog.get(AssetCard, name) for name in names}, AssetStore()
    paths = {name: store.path(asset) for name, asset in pinned.items()}
    recipe = passport(card, extractor, {name: asset.result_sha256 for name, asset in pinned.items()})
    metric = load_entry(card.entry)(card.settings, {name: paths[name] for name in card.assets})
    return FeatureMetric(card, recipe, metric, extractor) if extractor else PairedMetric(card, recipe, metric)


def passport(card: MetricCard, extractor: ExtractorCard | None, weights: Mapping[str, str]) -> Passport:
    """Return a metric's full recipe, its extractor's included."""
    precision = str(card.settings.get("precision", PRECISION))
    if extractor is None:
        implementation, preprocessing, settings = card.entry, card.preprocessing, dict(card.settings)
    else:
        implementation = f"{card.entry} on {extractor.entry}"
        preprocessing = f"{extractor.preprocessing}; {card.preprocessing}"
        told = {"extractor": extractor.name, "extractor_version": extractor.version, **extractor.settings}
        settings = dict(card.settings) | {f"features.{key}": value for key, value in told.items()}
    return Passport(
        metric=card.name,
        version=card.version,
        implementation=implementation,
        settings=settings,
        preprocessing=preprocessing,
        precision=precision,
        weights=dict(weights),
    )


def measure(metric: ReadyMetric, pair: Pair, collector: Collector, progress: Progress) -> Reading:
    """Return one metric's reading; raises CannotMeasure, saying why, where it is not defined for these images."""
    try:
        if isinstance(metric, FeatureMetric):
            reading = _of_sets(metric, pair, collector, progress)
        else:
            reading = _of_pairs(metric, pair)
        if not math.isfinite(reading.value) and (reading.value != math.inf or metric.card.unit != "dB"):
            raise ValueError(f"it came out as {reading.value}")  # decibels between equal images alone are infinite
    except ValueError as error:
        raise CannotMeasure(f"{metric.card.name} is not defined here: {error}") from error
    return reading


def _of_pairs(metric: PairedMetric, pair: Pair) -> Reading:
    images, reference = Floats(pair.images), Floats(pair.reference, pair.order)
    evidence = Evidence(images, reference)
    if not isinstance(metric.metric, PairMetric) or len(images) != len(reference):
        return Reading(metric.metric.measure(evidence), len(images), len(reference))
    values: list[float] = []
    try:
        for value in metric.metric.values(evidence):
            values.append(value)  # one by one: where it stops is the pair that has none
    except ValueError as error:
        name = escaped(pair.images.names[len(values)]) if len(images) else "no image"
        raise ValueError(f"{name}: {error}") from error
    mean, spread = math.fsum(values) / len(values), deviation(values)
    se = None if spread is None else spread / math.sqrt(len(values))
    return Reading(mean, len(images), len(reference), se=se, values=tuple(values))


def _of_sets(metric: FeatureMetric, pair: Pair, collector: Collector, progress: Progress) -> Reading:
    images = collector.collect(metric.extractor, pair.images, progress)
    against = [collector.collect(metric.extractor, each, progress) for each in _against(metric, pair)]
    progress(f"measuring {metric.card.name}", 0, 0)
    partner = None
    if pair.paired and metric.card.against == "reference":
        partner = images.partners(against[0], range(images.shape[0]) if pair.order is None else pair.order)
    found = _estimate(metric.metric, (images, *against), partner)
    floor = _floor(metric, against[0]) if metric.card.floor and partner is None else None
    progress(f"measuring {metric.card.name}", 1, 1)
    return Reading(found.value, images.shape[0], against[0].shape[0] if against else 0, floor, found.se)


def _estimate(metric: SetMetric, sides: Sequence[Features], partner: Tensor | None) -> Estimate:
    if isinstance(metric, SetEstimator):
        images, reference = sides
        return metric.estimate(images, reference, partner)
    return Estimate(metric.measure(*sides), standard_error(metric.measure, sides, partner))


def _against(metric: FeatureMetric, pair: Pair) -> tuple[ImageSet, ...]:
    if metric.card.against == "nothing":
        return ()
    if metric.card.against == "reference":
        return (pair.reference,)
    if pair.transfer is None:
        raise ValueError("it needs to know which images were queried: only a run of a service that draws images tells")
    return pair.transfer.queried, pair.transfer.unqueried


def _floor(metric: FeatureMetric, reference: StoredFeatures) -> Floor | None:
    """Return the metric between two halves of the reference, None where a half has fewer than two images."""
    first, second = reference.halves()
    if second.shape[0] < 2:
        return None
    return Floor(value=metric.metric.measure(first, second), n=first.shape[0])
