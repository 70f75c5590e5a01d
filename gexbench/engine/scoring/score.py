"""Scores from evidence: every metric, every comparison, every test split."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gexbench.cards.fields import Compare
from gexbench.cards.schema import TaskCard
from gexbench.core.attack import Progress
from gexbench.engine.kinds.evidence import TestEvidence
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import TensorImages
from gexbench.engine.scoring.measure import CannotMeasure, Pair, Prepared, Reading, TransferSet, measure
from gexbench.plan import Plan
from gexbench.record import HonestCost, Score


def compared(task: TaskCard, evidence: TestEvidence) -> Iterator[tuple[Compare, Pair]]:
    """Yield A (victim, truth), and with a surrogate B (surrogate, victim) and C (surrogate, truth).

    For the victim control C is A, and there is no B. Where nobody knows a truth there is B alone. The task's kind says
    which of them have pairs.
    """
    kind = task_kind(task.kind)
    for compare, pair in _sides(evidence):
        if task.truth == "none" and compare != "B":
            continue
        yield compare, replace(pair, paired=kind.has_pairs(task, compare))


def _sides(evidence: TestEvidence) -> Iterator[tuple[Compare, Pair]]:
    victim, truth = TensorImages(evidence.victim), TensorImages(evidence.truth)
    yield "A", Pair(victim, truth)
    if evidence.surrogate is None:
        yield "C", Pair(victim, truth)
        return
    surrogate, transfer = TensorImages(evidence.surrogate), None
    if evidence.queried is not None and evidence.unqueried is not None:
        transfer = TransferSet(TensorImages(evidence.queried), TensorImages(evidence.unqueried))
    yield "B", Pair(surrogate, victim, transfer=transfer)
    yield "C", Pair(surrogate, truth)


def score(
    plan: Plan, metrics: Prepared, tests: Mapping[str, TestEvidence], collector: Collector, progress: Progress
) -> tuple[tuple[Score, ...], dict[str, str]]:
    """Measure the task's metrics on every test split; also returns why metrics are absent, by name."""
    scores: list[Score] = []
    absent = dict(metrics.absent)
    names = [name for name in plan.measured if name in metrics.ready]
    for test, evidence in tests.items():
        if evidence.surrogate is None:
            needy = [name for name in names if metrics.ready[name].card.against == "queried"]
            absent |= dict.fromkeys(needy, f"{test}, B: the victim is no copy, and nothing was queried")
        for compare, pair in compared(plan.task, evidence):
            for name in names:
                metric = metrics.ready[name]
                if not metric.card.is_of(compare) or (metric.card.paired and not pair.paired):
                    continue
                try:
                    reading = measure(metric, pair, collector, progress)
                except CannotMeasure as error:
                    absent[name] = f"{test}, {compare}: {error}"
                    continue
                scores.append(
                    Score(
                        metric=name,
                        compare=compare,
                        test=test,
                        value=reading.value,
                        unit=metric.card.unit,
                        higher_is_better=metric.card.higher_is_better,
                        n=reading.n,
                        floor=reading.floor,
                        se=reading.se,
                        seed=plan.seed,
                        passport=metric.passport,
                    )
                )
                progress("scoring", len(scores), 3 * len(names) * len(tests))
    return tuple(scores), absent


def honest_cost(
    plan: Plan, metrics: Prepared, tests: Mapping[str, TestEvidence], collector: Collector, progress: Progress
) -> tuple[HonestCost, ...]:
    """Measure defended answers against undefended ones, where a metric is defined; empty without a defense."""
    costs: list[HonestCost] = []
    for test, evidence in tests.items():
        if evidence.guarded is None:
            continue
        pair = Pair(TensorImages(evidence.guarded), TensorImages(evidence.victim), paired=True)
        for metric in (metrics.ready[n] for n in plan.task.costs if n in metrics.ready):
            try:
                reading = measure(metric, pair, collector, progress)
            except CannotMeasure:
                continue
            costs.append(
                HonestCost(
                    metric=metric.card.name,
                    test=test,
                    value=_told(reading),
                    unit=metric.card.unit,
                    higher_is_better=metric.card.higher_is_better,
                    n=reading.n,
                    passport=metric.passport,
                )
            )
    return tuple(costs)


def _told(reading: Reading) -> float:
    """Return a cost; where some answers were left alone, which are infinitely alike, the decibels of the mean error.

    The mean of decibels would be infinite, and whoever spares one user could spoil the rest unseen.
    """
    if reading.value != math.inf or all(value == math.inf for value in reading.values):
        return reading.value
    return -10 * math.log10(math.fsum(10 ** (-value / 10) for value in reading.values) / len(reading.values))
