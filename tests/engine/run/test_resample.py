"""A run's numbers for other draws of its test images, from what it kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from feature_factory import noise, quiet, write_net, write_registry

import gexbench
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.core.features import Features
from gexbench.engine.run.kept_evidence import NAME
from gexbench.engine.run.resample import BOOTSTRAP, HALVES, Resampled, Resampler, redrawn
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import TensorImages
from gexbench.engine.scoring.measure import CannotMeasure, FeatureMetric, Pair, made_ready
from gexbench.errors import DataMissing
from gexbench.metrics.mmd import Mmd
from gexbench.record import read_record


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Return cards of metrics on the tiny extractor, with its weights in GEXBENCH_HOME."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    write_net(tmp_path / "home")
    return write_registry(tmp_path / "registry")


def drawn(catalog: Catalog, metric: str, images: range, reference: range) -> Resampled:
    pair = Pair(TensorImages([noise(s) for s in images]), TensorImages([noise(s) for s in reference]))
    ready = made_ready(catalog.get(MetricCard, metric), catalog)
    return redrawn(ready, pair, 0, (Collector(catalog, "cpu"), quiet))


def test_means_of_images_are_drawn_with_copies(catalog: Catalog) -> None:
    found = drawn(catalog, "psnr-rgb", range(12), range(20, 32))
    assert (found.way, found.n, found.drawn.shape) == ("bootstrap", 12, (BOOTSTRAP,))
    assert found.drawn.mean() == pytest.approx(found.whole, abs=4 * found.drawn.std() / BOOTSTRAP**0.5)


def test_two_rows_with_as_many_images_get_the_same_draws(catalog: Catalog) -> None:
    one, same = (drawn(catalog, "psnr-rgb", range(12), range(20, 32)) for _ in range(2))
    assert (one.drawn == same.drawn).all()


def test_distances_of_sets_are_drawn_by_halves_without_copies(catalog: Catalog) -> None:
    class Copies:
        """A metric that counts how many rows stand in a set more than once."""

        def measure(self, images: Features, *against: Features) -> float:
            rows = images.rows(slice(None))
            assert images.shape[0] in (6, 12)
            return float(len(rows) - len(torch.unique(rows, dim=0)))

    pair = Pair(TensorImages([noise(s) for s in range(12)]), TensorImages([noise(s) for s in range(20, 32)]))
    ready = made_ready(catalog.get(MetricCard, "fid"), catalog)
    assert isinstance(ready, FeatureMetric)
    counting = FeatureMetric(ready.card, ready.passport, Copies(), ready.extractor)
    found = redrawn(counting, pair, 0, (Collector(catalog, "cpu"), quiet))
    assert (found.way, len(found.drawn), set(found.drawn)) == ("half-samples", HALVES, {0.0})


def test_halves_of_pairs_hold_partners_so_that_a_perfect_copy_scores_0_in_each(catalog: Catalog) -> None:
    images = TensorImages([noise(s) for s in range(12)])
    ready = made_ready(catalog.get(MetricCard, "fid"), catalog)
    assert isinstance(ready, FeatureMetric)
    for metric in (Mmd({}, {}), ready.metric):
        copied = FeatureMetric(ready.card, ready.passport, metric, ready.extractor)
        found = redrawn(copied, Pair(images, images, paired=True), 0, (Collector(catalog, "cpu"), quiet))
        apart = redrawn(copied, Pair(images, images), 0, (Collector(catalog, "cpu"), quiet))
        size = np.abs(apart.drawn).max()  # what are no partners are drawn each for itself
        assert np.abs([found.whole, *found.drawn]).max() < 1e-9 * size


def test_half_samples_vary_as_new_sets_of_images_would(catalog: Catalog) -> None:
    class Mean:
        """The mean of all features, whose error is known."""

        def measure(self, images: Features, *against: Features) -> float:
            return float(images.rows(slice(None)).mean())

    sides = TensorImages([noise(s) for s in range(64)])
    ready = made_ready(catalog.get(MetricCard, "fid"), catalog)
    assert isinstance(ready, FeatureMetric)
    collector = Collector(catalog, "cpu")
    found = redrawn(
        FeatureMetric(ready.card, ready.passport, Mean(), ready.extractor), Pair(sides, sides), 0, (collector, quiet)
    )
    means = collector.collect(ready.extractor, sides, quiet).in_order().mean(dim=1).double()
    assert found.drawn.std(ddof=1) == pytest.approx(float(means.std()) / 8, rel=0.25)


def test_a_mean_that_is_infinite_is_not_drawn(catalog: Catalog) -> None:
    with pytest.raises(CannotMeasure, match="no mean of finite numbers"):
        drawn(catalog, "psnr-rgb", range(4), range(4))


def test_a_metric_that_halves_are_too_small_for_is_not_drawn(catalog: Catalog) -> None:
    with pytest.raises(CannotMeasure, match="half of the images"):
        drawn(catalog, "fid", range(2), range(10, 12))


def test_a_runs_numbers_come_out_again_and_only_with_its_evidence(tmp_path: Path) -> None:
    record, catalog = gexbench.run("sr", "bicubic", out=tmp_path), Catalog.load()
    folder, card = tmp_path / record.plan.run_name, catalog.get(MetricCard, "psnr-y")
    for compare in ("B", "C"):
        found = Resampler(catalog, card, compare, ["photos"]).of(read_record(folder / "record.json"), folder, quiet)
        assert found.whole == pytest.approx(record.score("psnr-y", compare, "photos"), rel=1e-12)
        assert np.isfinite(found.drawn).all()
    edited = record.model_copy(update={"scores": tuple(s.model_copy(update={"value": 40.0}) for s in record.scores)})
    with pytest.raises(CannotMeasure, match="and its record says 40"):
        Resampler(catalog, card, "B", ["photos"]).of(edited, folder, quiet)
    (folder / NAME).write_bytes(b"other")
    with pytest.raises(DataMissing, match="not the evidence that its record names"):
        Resampler(catalog, card, "B", ["photos"]).of(record, folder, quiet)
