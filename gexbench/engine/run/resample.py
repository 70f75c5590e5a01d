"""A number of a run for other draws of its test images, from the answers that the run kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.fields import Compare
from gexbench.cards.schema import DatasetCard, MetricCard
from gexbench.core.attack import Progress
from gexbench.core.dataset import Dataset
from gexbench.core.features import Rows
from gexbench.core.metric import SetEstimator
from gexbench.engine.run.kept_evidence import read_kept
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.measure import CannotMeasure, FeatureMetric, Pair, ReadyMetric, made_ready, measure
from gexbench.engine.scoring.score import compared
from gexbench.engine.store import datasets
from gexbench.engine.store.paths import features_folder
from gexbench.record import RunRecord

BOOTSTRAP = 2000
HALVES, FEWER, MANY = 50, 10, 2000
"""Half-samples, and how many of sets of more than MANY images, where each takes its time."""
NEAR = 10
"""Tolerances of a metric's card within which a record's score comes out again, on whatever machine."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Resampled:
    """A number on all test images, and on each draw of them; n: images of the smallest split.

    way: "bootstrap", images drawn with replacement, or "half-samples", half of them without, since copies bias
    distances of sets; the variance over either is that over new images.
    """

    whole: float
    drawn: Floats
    n: int
    way: str


@dataclass(frozen=True)
class Resampler:
    """Draw the test images of runs of one task and profile again; runs with as many images get the same draws.

    Images and reference get the same where they are partners, else each its own.
    """

    catalog: Catalog
    card: MetricCard
    compare: Compare
    tests: Sequence[str]

    def of(self, record: RunRecord, folder: Path, progress: Progress) -> Resampled:
        """Return a run's number and its draws; the mean of the splits where there are several.

        Raises DataMissing where nothing was kept, AssetMissing without the metric's weights, CannotMeasure where it is
        infinite, not defined for half of the images, or not what the record says.
        """
        plan, metric = record.plan, made_ready(self.card, self.catalog)
        files = datasets.locate(plan.dataset, self.catalog.filed(DatasetCard, plan.dataset.name).pins)
        dataset: Dataset = load_entry(plan.dataset.reader)(plan.dataset.settings, files)
        splits = {name: split for name, split in dataset.tests().items() if name in self.tests}
        kept = read_kept(folder, record.evidence_sha256, splits)
        with Collector(self.catalog, plan.device, features_folder()) as collector:
            found = [
                redrawn(metric, dict(compared(plan.task, evidence))[self.compare], place, (collector, progress))
                for place, evidence in enumerate(kept.values())
            ]
        for test, each in zip(kept, found, strict=True):
            told = record.score(self.card.name, self.compare, test)
            if told is not None and abs(each.whole - told) > NEAR * self.card.tolerance:
                raise CannotMeasure(
                    f"{folder} keeps answers that score {each.whole:.6g} on {test}, and its record says {told:.6g}",
                    "`gexbench verify RUN --rescore` compares all of them",
                )
        whole, drawn = float(np.mean([each.whole for each in found])), np.mean([each.drawn for each in found], axis=0)
        return Resampled(whole, drawn, min(each.n for each in found), found[0].way)


def redrawn(metric: ReadyMetric, pair: Pair, place: int, means: tuple[Collector, Progress]) -> Resampled:
    """Return a metric of a test split for other draws of its images; place: the split's, which has draws of its own.

    Raises as `Resampler.of`.
    """
    if isinstance(metric, FeatureMetric):
        return _sets(metric, pair, place, means)
    values = np.asarray(measure(metric, pair, *means).values)
    if not len(values) or not np.isfinite(values).all():
        raise CannotMeasure(f"{metric.card.name} is no mean of finite numbers, one an image")
    picks = np.random.default_rng((place, len(values))).integers(len(values), size=(BOOTSTRAP, len(values)))
    return Resampled(float(values.mean()), values[picks].mean(axis=1), len(values), "bootstrap")


def _sets(metric: FeatureMetric, pair: Pair, place: int, means: tuple[Collector, Progress]) -> Resampled:
    collector, progress = means
    if metric.card.against != "reference":
        raise CannotMeasure(f"{metric.card.name} is of no reference")
    sides = [collector.collect(metric.extractor, each, progress).in_order() for each in (pair.images, pair.reference)]
    most = max(map(len, sides))
    count = HALVES if most <= MANY else FEWER
    halves = [_halves(len(side), count, (place, number)) for number, side in enumerate(sides)]
    halves = [halves[0], halves[0]] if pair.paired else halves
    drawn = []
    for number, picks in enumerate(zip(*halves, strict=True)):
        progress(f"half-samples of {metric.card.name}", number, count)
        drawn.append(_value(metric, [side[which] for side, which in zip(sides, picks, strict=True)], pair.paired))
    whole = measure(metric, pair, *means).value
    return Resampled(whole, np.asarray(drawn), min(map(len, sides)), "half-samples")


def _halves(size: int, count: int, place: tuple[int, int]) -> list[Tensor]:
    random = np.random.default_rng((*place, size))
    return [torch.from_numpy(random.permutation(size)[: size // 2]) for _ in range(count)]


def _value(metric: FeatureMetric, sides: Sequence[Tensor], paired: bool) -> float:
    images, reference = map(Rows, sides)
    try:
        if paired and isinstance(metric.metric, SetEstimator):
            return metric.metric.estimate(images, reference, torch.arange(len(sides[0]))).value
        return metric.metric.measure(images, reference)
    except ValueError as error:
        raise CannotMeasure(f"{metric.card.name} is not defined on half of the images: {error}") from error
