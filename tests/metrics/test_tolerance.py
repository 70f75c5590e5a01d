"""A metric's own tolerance is what processors make of it, measured on the records of the boards."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard

RECORDS = Path(__file__).resolve().parents[2] / "leaderboards"
UNTRAINED = ("identity", "bicubic", "victim")
"""Controls that learn nothing, so that their numbers depend on the processor alone."""


def untrained() -> Iterator[tuple[tuple[str, ...], str, float]]:
    """Yield what was measured without training: its key, the processor, and the value."""
    for path in sorted(RECORDS.glob("*/records/*.json")):
        record: dict[str, Any] = json.loads(path.read_bytes())
        plan, processor = record["plan"], record["provenance"]["processor"]
        for score in record["scores"]:
            whose = plan["attack"]["name"] if score["compare"] != "A" else ""
            if whose in ("", *UNTRAINED):
                passport = json.dumps(score["passport"], sort_keys=True)
                data = (plan["victim_weights"], plan["dataset_pins"], score["test"], passport)
                yield (score["metric"], score["compare"], whose, *data), processor, score["value"]


def gaps() -> dict[str, float]:
    """Return the largest difference between processors by metric, of those measured on more than one."""
    found: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, processor, value in untrained():
        found[key][processor].append(value)
    largest: dict[str, float] = {}
    for (metric, *_), by_processor in found.items():
        if len(by_processor) > 1:
            values = [value for each in by_processor.values() for value in each]
            largest[metric] = max(largest.get(metric, 0.0), max(values) - min(values))
    return largest


GAPS = gaps()


def test_fid_and_kid_were_measured_on_more_than_one_processor() -> None:
    assert {"fid", "kid-100", "lpips-alex", "precision"} <= GAPS.keys()


@pytest.mark.parametrize("metric", sorted(GAPS))
def test_what_nobody_trained_is_within_the_metrics_tolerance_on_every_processor(metric: str) -> None:
    card = Catalog.load().get(MetricCard, metric)
    assert GAPS[metric] <= card.tolerance, f"{metric} differs by {GAPS[metric]:.3g} between processors"
