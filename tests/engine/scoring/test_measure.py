"""One metric between two sets: passports, floors, and what is not defined."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from feature_factory import NET_SHA256, noise, quiet, write_net, write_registry

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.core.features import Features
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import TensorImages
from gexbench.engine.scoring.measure import (
    CannotMeasure,
    FeatureMetric,
    Pair,
    Prepared,
    Reading,
    TransferSet,
    made_ready,
    measure,
    prepare,
)
from gexbench.errors import AssetMissing


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Return cards of metrics on the tiny extractor, with its weights in GEXBENCH_HOME."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    write_net(tmp_path / "home")
    return write_registry(tmp_path / "registry")


def _prepared(catalog: Catalog, *names: str) -> Prepared:
    return prepare([catalog.get(MetricCard, name) for name in names], catalog)


def _reading(catalog: Catalog, name: str, images: range, reference: range) -> Reading:
    pair = Pair(TensorImages([noise(s) for s in images]), TensorImages([noise(s) for s in reference]))
    return measure(_prepared(catalog, name).ready[name], pair, Collector(catalog, "cpu"), quiet)


def test_the_passport_of_a_set_metric_holds_its_extractors_recipe_too(catalog: Catalog) -> None:
    ready = _prepared(catalog, "fid").ready["fid"]
    assert isinstance(ready, FeatureMetric)
    assert ready.passport.model_dump() == {
        "metric": "fid",
        "version": 2,
        "implementation": "gexbench.metrics.frechet:Frechet on feature_factory:Colours",
        "settings": {
            "precision": "float64 on colours",
            "features.extractor": "colours",
            "features.extractor_version": 3,
            "features.resize": "none",
        },
        "preprocessing": "as it is; all rows",
        "precision": "float64 on colours",
        "weights": {"colour-net": NET_SHA256},
    }


def test_the_passport_of_a_paired_metric_is_its_card(catalog: Catalog) -> None:
    found = _prepared(catalog, "psnr-rgb").ready["psnr-rgb"].passport
    assert found.implementation == "gexbench.metrics.pixel:Psnr"
    assert found.settings == {"space": "rgb"}
    assert found.preprocessing == "8 bits"
    assert found.precision == "float64 on 8-bit images"
    assert found.weights == {}


def test_a_metric_without_its_weights_is_absent_with_the_command_and_the_others_are_ready(
    catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "home" / "assets" / "colour-net.safetensors").unlink()
    prepared = _prepared(catalog, "fid", "psnr-rgb", "lpips-alex")
    assert set(prepared.ready) == {"psnr-rgb"}
    assert "(gexbench assets fetch colour-net)" in prepared.absent["fid"]
    assert "(gexbench assets fetch lpips-alex)" in prepared.absent["lpips-alex"]
    with pytest.raises(AssetMissing):
        made_ready(catalog.get(MetricCard, "fid"), catalog)


def test_a_card_with_a_floor_gives_it_with_the_size_of_a_half(catalog: Catalog) -> None:
    reading = _reading(catalog, "fid", range(7), range(100, 109))
    assert (reading.n, reading.n_reference) == (7, 9)
    assert reading.floor is not None
    assert reading.floor.n == 5
    assert reading.value > 0.0
    assert reading.floor.value > 0.0


def test_the_floor_is_the_metric_between_two_halves_of_the_reference(catalog: Catalog) -> None:
    collector, reference = Collector(catalog, "cpu"), TensorImages([noise(s) for s in range(9)])
    ready = _prepared(catalog, "fid").ready["fid"]
    assert isinstance(ready, FeatureMetric)
    reading = measure(ready, Pair(TensorImages([noise(s) for s in range(50, 54)]), reference), collector, quiet)
    assert reading.floor is not None
    assert reading.floor.value == ready.metric.measure(*collector.collect(ready.extractor, reference, quiet).halves())


@pytest.mark.parametrize(("name", "reference"), [("fid-bf16", range(9)), ("fid", range(3))])
def test_there_is_no_floor_without_a_card_that_wants_one_or_halves_of_two_images(
    catalog: Catalog, name: str, reference: range
) -> None:
    assert _reading(catalog, name, range(20, 29), reference).floor is None


def test_copies_in_the_reference_take_the_floor_away_and_not_the_value(catalog: Catalog) -> None:
    copies = TensorImages([noise(s) for s in (1, 2, 3, 3, 3)])
    pair = Pair(TensorImages([noise(s) for s in range(20, 29)]), copies)
    reading = measure(_prepared(catalog, "fid").ready["fid"], pair, Collector(catalog, "cpu"), quiet)
    assert reading.value > 0.0
    assert reading.n_reference == 5
    assert reading.floor is None


def _paired(catalog: Catalog, name: str, order: list[int], copies: int = 0) -> Reading:
    """Return a reading of pairs, whose partners stand in another order; so many at the end are copies."""
    count = len(order)
    images = [noise(seed) for seed in range(count)]
    partners = [noise(seed if seed >= count - copies else 100 + seed) for seed in range(count)]
    reference = TensorImages([partners[order.index(place)] for place in range(count)])
    pair = Pair(TensorImages(images), reference, order, paired=True)
    return measure(_prepared(catalog, name).ready[name], pair, Collector(catalog, "cpu"), quiet)


ORDER = [4, 0, 7, 2, 5, 8, 1, 9, 6, 3]


def test_a_perfect_copy_of_pairs_has_a_kid_of_0_and_the_sets_alone_have_less(catalog: Catalog) -> None:
    copy, apart = _paired(catalog, "kid", ORDER, copies=10), _reading(catalog, "kid", range(10), range(10))
    assert apart.value < 0.0
    assert copy.value == pytest.approx(0.0, abs=-1e-9 * apart.value)
    assert copy.se == pytest.approx(0.0, abs=-1e-9 * apart.value)


def test_pairs_are_the_same_under_any_order_of_names(catalog: Catalog) -> None:
    for name in ("kid", "fid"):
        assert _paired(catalog, name, ORDER) == _paired(catalog, name, list(range(10)))
    assert _paired(catalog, "kid", ORDER).value != _reading(catalog, "kid", range(10), range(100, 110)).value


def test_where_sets_are_paired_there_is_no_floor_and_the_distance_is_that_of_the_sets(catalog: Catalog) -> None:
    paired, apart = _paired(catalog, "fid", ORDER), _reading(catalog, "fid", range(10), range(100, 110))
    assert paired.floor is None
    assert apart.floor is not None
    assert paired.value == apart.value
    assert paired.se is not None
    assert paired.se != apart.se


def test_a_perfect_copy_of_pairs_has_no_distance_and_no_error(catalog: Catalog) -> None:
    copy = _paired(catalog, "fid", ORDER, copies=10)
    assert copy.value == pytest.approx(0.0, abs=1e-6)
    assert copy.se == pytest.approx(0.0, abs=1e-6)


def test_the_error_of_a_mean_over_pairs_is_that_of_a_mean(catalog: Catalog) -> None:
    found = _paired(catalog, "psnr-rgb", ORDER)
    assert found.se == pytest.approx(statistics.stdev(found.values) / math.sqrt(10))
    assert _paired(catalog, "psnr-rgb", [0]).se is None
    assert _paired(catalog, "psnr-rgb", ORDER, copies=1).se is None


@pytest.mark.parametrize("name", ["fid", "kid", "alone"])
def test_metrics_of_sets_have_an_error_which_no_order_changes(catalog: Catalog, name: str) -> None:
    one, other = (_reading(catalog, name, range(*ends), range(30, 60)) for ends in ((0, 20), (19, -1, -1)))
    assert one.se is not None
    assert one == other


def test_what_was_queried_is_drawn_too(catalog: Catalog) -> None:
    queried, others = (TensorImages([noise(s) for s in range(first, first + 12)]) for first in (50, 70))
    pair = Pair(TensorImages([noise(s) for s in range(20)]), others, transfer=TransferSet(queried, others))
    reading = measure(_prepared(catalog, "kept").ready["kept"], pair, Collector(catalog, "cpu"), quiet)
    assert reading.se is not None
    assert reading.se > 0.0


def test_a_paired_metric_follows_the_order_of_partners(catalog: Catalog) -> None:
    ready, images = _prepared(catalog, "psnr-rgb").ready["psnr-rgb"], [noise(s) for s in range(3)]
    rotated, collector = TensorImages([images[1], images[2], images[0]]), Collector(catalog, "cpu")
    matched = measure(ready, Pair(TensorImages(images), rotated, [2, 0, 1]), collector, quiet)
    unmatched = measure(ready, Pair(TensorImages(images), rotated), collector, quiet)
    assert matched == Reading(float("inf"), 3, 3, values=(float("inf"),) * 3)
    assert 0.0 < unmatched.value < 20.0


@pytest.mark.parametrize(
    ("name", "images", "why"),
    [
        ("fid", range(1), "the image set has 1; this metric needs 2"),
        ("kid-100", range(9), "subsets of 100 images and a set has 9"),
    ],
)
def test_what_is_not_defined_says_which_metric_and_why(catalog: Catalog, name: str, images: range, why: str) -> None:
    with pytest.raises(CannotMeasure, match=f"{name} is not defined here: .*{why}") as caught:
        _reading(catalog, name, images, range(100, 220))
    assert caught.value.exit_code == 2


def test_images_of_two_sizes_are_not_defined_for_a_paired_metric(catalog: Catalog) -> None:
    pair = Pair(TensorImages([noise(1, 4, 4)]), TensorImages([noise(1, 4, 5)]))
    with pytest.raises(CannotMeasure, match="psnr-rgb is not defined here"):
        measure(_prepared(catalog, "psnr-rgb").ready["psnr-rgb"], pair, Collector(catalog, "cpu"), quiet)


def test_progress_names_hashing_features_and_the_metric(catalog: Catalog) -> None:
    told: list[tuple[str, int, int]] = []
    pair = Pair(TensorImages([noise(s) for s in range(5)]), TensorImages([noise(s) for s in range(5, 9)]))
    ready = _prepared(catalog, "fid").ready["fid"]
    measure(ready, pair, Collector(catalog, "cpu"), lambda *said: told.append(said))
    assert {what for what, _, _ in told} == {"hashing images", "features colours", "measuring fid"}
    assert ("features colours", 5, 5) in told
    assert told[-1] == ("measuring fid", 1, 1)


class Given:
    """A metric of sets that says what it is told to."""

    def __init__(self, value: float) -> None:
        self.value = value

    def measure(self, images: Features, *against: Features) -> float:
        return self.value


@pytest.mark.parametrize(("value", "unit", "kept"), [
    (math.nan, "1", False), (math.inf, "1", False), (-math.inf, "dB", False), (math.inf, "dB", True), (0.0, "1", True),
])  # fmt: skip
def test_a_value_that_no_record_could_hold_is_none(catalog: Catalog, value: float, unit: str, kept: bool) -> None:
    ready = _prepared(catalog, "fid").ready["fid"]
    assert isinstance(ready, FeatureMetric)
    card = ready.card.model_copy(update={"unit": unit, "floor": False})
    pair, collector = Pair(TensorImages([noise(1)]), TensorImages([noise(2)])), Collector(catalog, "cpu")
    metric = replace(ready, card=card, metric=Given(value))
    if kept:
        assert measure(metric, pair, collector, quiet).value == value
        return
    with pytest.raises(CannotMeasure, match=f"fid is not defined here: it came out as {value}"):
        measure(metric, pair, collector, quiet)
