"""Scores from evidence: every metric, every comparison, every test split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import AssetCard, Compare, MetricCard
from gexbench.core.metric import Evidence, Metric
from gexbench.engine.assets import AssetStore
from gexbench.engine.evidence import TestEvidence, floats
from gexbench.errors import AssetMissing
from gexbench.plan import Plan
from gexbench.record import HonestCost, Passport, Score

PRECISION = "float64 on 8-bit images"


@dataclass(frozen=True)
class Meters:
    """Metrics ready to measure, and why others are absent."""

    ready: Mapping[str, tuple[MetricCard, Metric, Passport]]
    absent: Mapping[str, str]


def prepare(cards: tuple[MetricCard, ...], catalog: Catalog) -> Meters:
    """Build the metrics whose weights are here; the others are absent, with the command that fetches them."""
    store = AssetStore()
    ready: dict[str, tuple[MetricCard, Metric, Passport]] = {}
    absent: dict[str, str] = {}
    for card in cards:
        pinned = {name: catalog.get(AssetCard, name) for name in card.assets}
        try:
            paths = {name: store.path(asset) for name, asset in pinned.items()}
        except AssetMissing as error:
            absent[card.name] = f"{error} ({error.hint})"
            continue
        weights = {name: asset.result_sha256 for name, asset in pinned.items()}
        ready[card.name] = (card, load_entry(card.entry)(card.settings, paths), passport(card, weights))
    return Meters(ready, absent)


def passport(card: MetricCard, weights: Mapping[str, str]) -> Passport:
    """Return a metric's full recipe."""
    return Passport(
        metric=card.name,
        version=card.version,
        implementation=card.entry,
        settings=dict(card.settings),
        preprocessing=card.preprocessing,
        precision=str(card.settings.get("precision", PRECISION)),
        weights=dict(weights),
    )


def compared(evidence: TestEvidence) -> Iterator[tuple[Compare, Evidence]]:
    """Yield A (victim, truth), and with a surrogate B (surrogate, victim) and C (surrogate, truth).

    For the victim control C is A, and there is no B.
    """
    victim, truth = floats(evidence.victim), floats(evidence.truth)
    yield "A", Evidence(victim, truth)
    if evidence.surrogate is None:
        yield "C", Evidence(victim, truth)
        return
    surrogate = floats(evidence.surrogate)
    yield "B", Evidence(surrogate, victim)
    yield "C", Evidence(surrogate, truth)


def score(
    plan: Plan, meters: Meters, tests: Mapping[str, TestEvidence], tick: Callable[[str, int, int], None]
) -> tuple[Score, ...]:
    """Measure the task's metrics on every test split."""
    scores: list[Score] = []
    names = [name for name in plan.task.metrics if name in meters.ready]
    for test, evidence in tests.items():
        for compare, images in compared(evidence):
            for name in names:
                card, metric, recipe = meters.ready[name]
                scores.append(
                    Score(
                        metric=name,
                        compare=compare,
                        test=test,
                        value=metric.measure(images),
                        unit=card.unit,
                        higher_is_better=card.higher_is_better,
                        n=len(images.images),
                        seed=plan.seed,
                        passport=recipe,
                    )
                )
                tick("scoring", len(scores), 3 * len(names) * len(tests))
    return tuple(scores)


def honest_cost(plan: Plan, meters: Meters, tests: Mapping[str, TestEvidence]) -> tuple[HonestCost, ...]:
    """Measure defended answers against undefended ones; empty without a defense."""
    costs: list[HonestCost] = []
    for test, evidence in tests.items():
        if evidence.guarded is None:
            continue
        images = Evidence(floats(evidence.guarded), floats(evidence.victim))
        for card, metric, recipe in (meters.ready[n] for n in plan.task.honest_cost if n in meters.ready):
            costs.append(
                HonestCost(
                    metric=card.name,
                    test=test,
                    value=metric.measure(images),
                    unit=card.unit,
                    higher_is_better=card.higher_is_better,
                    n=len(images.images),
                    passport=recipe,
                )
            )
    return tuple(costs)
