"""Scores from evidence: every metric, every comparison, every test split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gexbench.cards.schema import Compare
from gexbench.engine.kinds.evidence import TestEvidence
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import TensorImages
from gexbench.engine.scoring.measure import CannotMeasure, Meters, Pair, Sales, measure
from gexbench.plan import Plan
from gexbench.record import HonestCost, Score

Tick = Callable[[str, int, int], None]


def compared(evidence: TestEvidence) -> Iterator[tuple[Compare, Pair]]:
    """Yield A (victim, truth), and with a surrogate B (surrogate, victim) and C (surrogate, truth).

    For the victim control C is A, and there is no B.
    """
    victim, truth = TensorImages(evidence.victim), TensorImages(evidence.truth)
    yield "A", Pair(victim, truth)
    if evidence.surrogate is None:
        yield "C", Pair(victim, truth)
        return
    surrogate, sales = TensorImages(evidence.surrogate), None
    if evidence.sold is not None and evidence.unsold is not None:
        sales = Sales(TensorImages(evidence.sold), TensorImages(evidence.unsold))
    yield "B", Pair(surrogate, victim, sales=sales)
    yield "C", Pair(surrogate, truth)


def score(
    plan: Plan, meters: Meters, tests: Mapping[str, TestEvidence], collector: Collector, tick: Tick
) -> tuple[tuple[Score, ...], dict[str, str]]:
    """Measure the task's metrics on every test split; also returns why metrics are absent, by name."""
    scores: list[Score] = []
    absent = dict(meters.absent)
    names = [name for name in plan.measured if name in meters.ready]
    for test, evidence in tests.items():
        if evidence.surrogate is None:
            bought = [name for name in names if meters.ready[name].card.against == "bought"]
            absent |= dict.fromkeys(bought, f"{test}, B: the victim is no copy, and nothing was bought")
        for compare, pair in compared(evidence):
            for name in names:
                meter = meters.ready[name]
                if not meter.card.is_of(compare) or (meter.card.paired and not plan.task.has_pairs(compare)):
                    continue
                try:
                    reading = measure(meter, pair, collector, tick)
                except CannotMeasure as error:
                    absent[name] = f"{test}, {compare}: {error}"
                    continue
                scores.append(
                    Score(
                        metric=name,
                        compare=compare,
                        test=test,
                        value=reading.value,
                        unit=meter.card.unit,
                        higher_is_better=meter.card.higher_is_better,
                        n=reading.n,
                        floor=reading.floor,
                        seed=plan.seed,
                        passport=meter.passport,
                    )
                )
                tick("scoring", len(scores), 3 * len(names) * len(tests))
    return tuple(scores), absent


def honest_cost(
    plan: Plan, meters: Meters, tests: Mapping[str, TestEvidence], collector: Collector, tick: Tick
) -> tuple[HonestCost, ...]:
    """Measure defended answers against undefended ones, where a metric is defined; empty without a defense."""
    costs: list[HonestCost] = []
    for test, evidence in tests.items():
        if evidence.guarded is None:
            continue
        pair = Pair(TensorImages(evidence.guarded), TensorImages(evidence.victim))
        for meter in (meters.ready[n] for n in plan.task.honest_cost if n in meters.ready):
            try:
                reading = measure(meter, pair, collector, tick)
            except CannotMeasure:
                continue
            costs.append(
                HonestCost(
                    metric=meter.card.name,
                    test=test,
                    value=reading.value,
                    unit=meter.card.unit,
                    higher_is_better=meter.card.higher_is_better,
                    n=reading.n,
                    passport=meter.passport,
                )
            )
    return tuple(costs)
