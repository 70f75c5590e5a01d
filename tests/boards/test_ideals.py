from __future__ import annotations

import pytest
from record_factory import Records

from gexbench.boards.ideals import with_ideals
from gexbench.boards.sheet import heading
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.record import RunRecord


def saying(record: RunRecord, ideal: float | None) -> RunRecord:
    """Return a record whose second metric names an ideal; its seal is that of before."""
    first, second = record.plan.metrics
    cards = first, second.model_copy(update={"ideal": ideal})
    return record.model_copy(update={"plan": record.plan.model_copy(update={"metrics": cards})})


@pytest.mark.parametrize("said", [None, 0.5, 0.7])
def test_a_record_is_read_by_the_ideal_of_todays_card(records: Records, said: float | None) -> None:
    path = records.folder / "metrics" / "lpips-alex.toml"
    path.write_text(path.read_text() + "ideal = 0.5\n")
    record = saying(records.make(), said)
    read = with_ideals(record, records.catalog)
    assert [card.ideal for card in read.plan.metrics] == [None, 0.5]
    assert (read.plan.id, read.seal) == (record.plan.id, record.seal)


def test_what_a_record_says_itself_counts_for_nothing(records: Records) -> None:
    assert with_ideals(saying(records.make(), 0.1), records.catalog) == records.make()


@pytest.mark.parametrize("name", ["memorisation", "nn-accuracy"])
def test_a_heading_points_to_the_ideal(name: str) -> None:
    card = Catalog.load().get(MetricCard, name)
    assert heading(card, "B") == f"B {name} → 0.5"
    assert sorted([0.9, 0.5, 0.2, 0.45], key=card.distance) == [0.5, 0.45, 0.2, 0.9]
