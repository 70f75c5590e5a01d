"""Which comparisons have pairs: a partner for every image."""

from __future__ import annotations

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.fields import Compare
from gexbench.cards.schema import TaskCard
from gexbench.engine.kinds.kind import task_kind

CATALOG = Catalog.load()


@pytest.mark.parametrize(
    ("task", "paired"), [("sr", "ABC"), ("monet2photo", "B"), ("selfie2anime", "B"), ("latent-fidelity", "")]
)
def test_answers_have_pairs_but_with_a_style_and_images_drawn_have_none(task: str, paired: str) -> None:
    card = CATALOG.get(TaskCard, task)
    compares: tuple[Compare, ...] = ("A", "B", "C")
    assert [c for c in compares if task_kind(card.kind).has_pairs(card, c)] == list(paired)
