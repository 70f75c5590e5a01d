"""What is said to be public of a data set."""

from __future__ import annotations

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.published import public
from gexbench.cards.schema import DatasetCard


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scenes-mini", "drawn by code from names that stand on the card"),
        ("photos-mini", "shipped with public packages"),
        ("sr-small", "files that are to be had by anyone"),
    ],
)
def test_a_data_set_says_what_of_its_test_images_is_public(name: str, words: str) -> None:
    told = public(Catalog.load().get(DatasetCard, name))
    assert told.startswith("The test images are public: ")
    assert words in told
    assert told.count(";") == 0
