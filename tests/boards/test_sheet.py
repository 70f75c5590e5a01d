"""Numbers of a page: as many digits as they deserve."""

from __future__ import annotations

import pytest

from gexbench.boards.sheet import with_std
from gexbench.boards.spread import Spread
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Spread(97.12345, 1), "97.123"),
        (Spread(97.12345, 1, se=3.2), "97.1"),
        (Spread(97.12345, 5, std=0.0, se=12.0), "97"),
        (Spread(97.12345, 5, std=0.32, se=12.0), "97.12 ± 0.32"),
        (Spread(0.0123, 1, se=0.0009), "0.0123"),
        (Spread(0.0, 1, se=0.0), "0.0000"),
        (Spread(-4e-17, 1, se=5e-17), "0.0000"),
    ],
)
def test_a_number_without_a_deviation_has_the_digits_that_its_error_allows(value: Spread, told: str) -> None:
    assert with_std(value, Catalog.load().get(MetricCard, "fid")) == told
