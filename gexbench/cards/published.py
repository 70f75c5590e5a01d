"""What of a data set's test images is public, in one sentence."""

from __future__ import annotations

from gexbench.cards.schema import DatasetCard

SAYS = {
    "code": "drawn by code from names that stand on the card, so anyone can draw them",
    "package": "shipped with public packages, so anyone has them",
    "data": "files that are to be had by anyone who downloads the data set",
}


def public(card: DatasetCard) -> str:
    """Say where the test images, and the truth that they are compared with, come from, and whether they are public."""
    splits = [*card.splits.test.values(), *([card.splits.reference] if card.splits.reference else [])]
    told = dict.fromkeys(SAYS[split.within] for split in splits if split.within in SAYS)
    if len(told) < len({split.within for split in splits}):
        return "The test images are files of whoever ran it, which others may have or not."
    return f"The test images are public: {'; others are '.join(told)}."
