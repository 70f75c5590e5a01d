"""Cards of today read what cards and records of before say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.record import read_record

RECORDS = sorted(Path(__file__).resolve().parents[2].glob("leaderboards/*/records/*.json"))


def test_a_metric_card_in_the_first_words_is_read_in_those_of_today() -> None:
    card = Catalog.load().get(MetricCard, "memorisation")
    assert card.against == "queried"
    assert MetricCard.model_validate({**card.model_dump(), "against": "bought"}) == card


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_on_a_board_is_read_and_keeps_the_id_of_its_plan(path: Path) -> None:
    record = read_record(path)
    assert record.id in (record.plan.id, record.plan.former_id)
