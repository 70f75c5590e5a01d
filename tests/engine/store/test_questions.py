"""How many questions a pool holds, and how large they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DatasetCard
from gexbench.engine.store.questions import questions
from gexbench.errors import PlanError


def card(name: str) -> DatasetCard:
    return Catalog.load().get(DatasetCard, name)


def test_squares_have_the_side_of_their_card() -> None:
    assert questions(card("scenes-mini"), Path()) == (512, 64, 64 * 64)


def test_of_crops_the_largest_is_measured() -> None:
    filed = Catalog.load().filed(DatasetCard, "photos-mini")
    assert questions(filed.card, filed.pins) == (512, 0, 24 * 24)


def test_a_data_set_for_services_that_draw_holds_none() -> None:
    with pytest.raises(PlanError, match="has no questions"):
        questions(card("figures-mini"), Path())
