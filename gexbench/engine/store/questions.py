"""What the pool of a data set holds to ask a service about."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gexbench.cards.entry import load_entry
from gexbench.cards.schema import DatasetCard
from gexbench.core.dataset import Dataset
from gexbench.engine.store.datasets import locate
from gexbench.errors import PlanError


class Questions(NamedTuple):
    """number: of the pool's images. side: of all of them, where the card fixes it, else 0. largest: the most pixels."""

    number: int
    side: int
    largest: int


def questions(card: DatasetCard, pins: Path) -> Questions:
    """Read the pool of a data set; raises PlanError where it is for services that draw, and as `locate`."""
    dataset: Dataset | None = load_entry(card.reader)(card.settings, locate(card, pins)) if card.splits.pool else None
    if dataset is None or not all(len(test.inputs) for test in dataset.tests().values()):
        raise PlanError(
            f"data set {card.name!r} is for services that draw images, and has no questions",
            "take one of pairs, of photos and a style, or of photos with a scale of 2 or more",
        )
    pool, side = dataset.pool().inputs, card.settings.get("side", 0)
    if side:
        return Questions(len(pool), int(side), int(side) ** 2)
    return Questions(len(pool), 0, max(image.shape[-2] * image.shape[-1] for image in pool))
