"""One metric between two sets of images, whichever kind of metric it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import AssetCard, ExtractorCard, MetricCard
from gexbench.core.metric import Evidence, Metric, SetMetric
from gexbench.engine.scoring.features.collect import Collector, StoredFeatures
from gexbench.engine.scoring.features.images import Floats, ImageSet
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing, GexbenchError
from gexbench.record import Floor, Passport

PRECISION = "float64 on 8-bit images"
Tick = Callable[[str, int, int], None]


class CannotMeasure(GexbenchError):
    """A metric is not defined for these images."""


@dataclass(frozen=True)
class PairedMeter:
    """A metric that compares images one by one."""

    card: MetricCard
    passport: Passport
    metric: Metric


@dataclass(frozen=True)
class SetMeter:
    """A metric that compares sets by their features."""

    card: MetricCard
    passport: Passport
    metric: SetMetric
    extractor: ExtractorCard


Meter = PairedMeter | SetMeter


@dataclass(frozen=True)
class Meters:
    """Metrics ready to measure, and why others are absent."""

    ready: Mapping[str, Meter]
    absent: Mapping[str, str]


@dataclass(frozen=True)
class Sales:
    """Images that a service sold in a run, and as many that it never sold."""

    sold: ImageSet
    unsold: ImageSet


@dataclass(frozen=True)
class Pair:
    """Two sets of images; `order` gives for each image its partner in the reference, None the one of its number."""

    images: ImageSet
    reference: ImageSet
    order: Sequence[int] | None = None
    sales: Sales | None = None


@dataclass(frozen=True)
class Reading:
    """A value, the counts behind it, and for metrics with a floor the value between two halves of the reference."""

    value: float
    n: int
    n_reference: int
    floor: Floor | None = None


def prepare(cards: Iterable[MetricCard], catalog: Catalog) -> Meters:
    """Build the metrics whose weights are here; the others are absent, with the command that fetches them."""
    ready: dict[str, Meter] = {}
    absent: dict[str, str] = {}
    for card in cards:
        try:
            ready[card.name] = meter(card, catalog)
        except AssetMissing as error:
            absent[card.name] = f"{error} ({error.hint})"
    return Meters(ready, absent)


def meter(card: MetricCard, catalog: Catalog) -> Meter:
    """Build one metric; raises AssetMissing when its weights are not here."""
    extractor = catalog.get(ExtractorCard, card.features) if card.features else None
    names = [*card.assets, *(extractor.assets if extractor else ())]
    pinned, store = {name: catalog.get(AssetCard, name) for name in names}, AssetStore()
    paths = {name: store.path(asset) for name, asset in pinned.items()}
    recipe = passport(card, extractor, {name: asset.result_sha256 for name, asset in pinned.items()})
    metric = load_entry(card.entry)(card.settings, {name: paths[name] for name in card.assets})
    return SetMeter(card, recipe, metric, extractor) if extractor else PairedMeter(card, recipe, metric)


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


def measure(meter: Meter, pair: Pair, collector: Collector, tick: Tick) -> Reading:
    """Return one metric's reading; raises CannotMeasure, saying why, where it is not defined for these images."""
    try:
        return _of_sets(meter, pair, collector, tick) if isinstance(meter, SetMeter) else _of_pairs(meter, pair)
    except ValueError as error:
        raise CannotMeasure(f"{meter.card.name} is not defined here: {error}") from error


def _of_pairs(meter: PairedMeter, pair: Pair) -> Reading:
    images, reference = Floats(pair.images), Floats(pair.reference, pair.order)
    return Reading(meter.metric.measure(Evidence(images, reference)), len(images), len(reference))


def _of_sets(meter: SetMeter, pair: Pair, collector: Collector, tick: Tick) -> Reading:
    images = collector.collect(meter.extractor, pair.images, tick)
    against = [collector.collect(meter.extractor, each, tick) for each in _against(meter, pair)]
    tick(f"measuring {meter.card.name}", 0, 0)
    value = meter.metric.measure(images, *against)
    floor = _floor(meter, against[0]) if meter.card.floor else None
    tick(f"measuring {meter.card.name}", 1, 1)
    return Reading(value, images.shape[0], against[0].shape[0] if against else 0, floor)


def _against(meter: SetMeter, pair: Pair) -> tuple[ImageSet, ...]:
    if meter.card.against == "nothing":
        return ()
    if meter.card.against == "reference":
        return (pair.reference,)
    if pair.sales is None:
        raise ValueError("it needs to know which images were bought: only a run of a service that draws images tells")
    return pair.sales.sold, pair.sales.unsold


def _floor(meter: SetMeter, reference: StoredFeatures) -> Floor | None:
    """Return the metric between two halves of the reference, None where a half has fewer than two images."""
    first, second = reference.halves()
    if second.shape[0] < 2:
        return None
    return Floor(value=meter.metric.measure(first, second), n=first.shape[0])
