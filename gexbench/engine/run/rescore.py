"""Scoring a run again from the evidence that it kept, without training."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import DatasetCard
from gexbench.core.attack import Progress
from gexbench.core.dataset import Dataset, Split
from gexbench.engine.run.kept_evidence import read_kept
from gexbench.engine.scoring import score
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.measure import prepare
from gexbench.engine.store import datasets
from gexbench.engine.store.paths import features_folder
from gexbench.record import QUERIES, RunRecord


def lacking(record: RunRecord) -> tuple[str, ...]:
    """Return the metrics that the run could not measure at all, for their weights were not there."""
    measured = {score.metric for score in record.scores}
    return tuple(name for name in record.absent if name not in measured)


def rescored(
    record: RunRecord, catalog: Catalog, folder: Path, progress: Progress, names: Collection[str]
) -> RunRecord:
    """Return a record with these metrics measured on what the run's folder keeps; the seal stays the old one's.

    A metric whose weights are not here stays absent, with what fetches them. Raises DataMissing where the evidence or
    the data set is not there.
    """
    plan = record.plan
    metrics = prepare([card for card in plan.metrics if card.name in names], catalog)
    if not metrics.ready:
        return record
    files = datasets.locate(plan.dataset, catalog.filed(DatasetCard, plan.dataset.name).pins)
    dataset: Dataset = load_entry(plan.dataset.reader)(plan.dataset.settings, files)
    splits = {**dataset.tests(), QUERIES: Split((), (), ())}
    kept = read_kept(folder, record.evidence_sha256, splits)
    asked = {QUERIES: kept.pop(QUERIES)}
    with Collector(catalog, plan.device, features_folder()) as collector:
        scores, absent = score.score(plan, metrics, kept, collector, progress)
        honest = score.honest_cost(plan, metrics, kept, collector, progress)
        queried = score.honest_cost(plan, metrics, asked, collector, progress)
    return record.model_copy(
        update={
            "scores": (*(each for each in record.scores if each.metric not in metrics.ready), *scores),
            "honest_cost": (*(each for each in record.honest_cost if each.metric not in metrics.ready), *honest),
            "queried_cost": (*(each for each in record.queried_cost if each.metric not in metrics.ready), *queried),
            "absent": {name: why for name, why in record.absent.items() if name not in metrics.ready} | absent,
        }
    )
