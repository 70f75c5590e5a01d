from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.cards.catalog import check
from gexbench.cards.prices import PriceCard
from gexbench.errors import CardError

PRICE = {
    "name": "a",
    "summary": "An image.",
    "date": "2026-05-25",
    "thousand_images": 3.0,
    "source": "its page",
    "url": "https://example.org/pricing",
}


def test_a_price_is_of_images_or_of_a_machine() -> None:
    assert check(PriceCard, PRICE, Path("a.toml")).thousand_images == 3.0
    machine = {key: value for key, value in PRICE.items() if key != "thousand_images"}
    assert check(PriceCard, {**machine, "hour": 1.5, "teraflops": 20.0}, Path("a.toml")).hour == 1.5
    for wrong in (
        machine,
        {**PRICE, "hour": 1.5, "teraflops": 20.0},
        {**machine, "hour": 1.5},
        {**PRICE, "teraflops": 2.0},
    ):
        with pytest.raises(CardError, match="say thousand_images, or else hour and teraflops"):
            check(PriceCard, wrong, Path("a.toml"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("date", "2026-13-01"),
        ("date", "yesterday"),
        ("url", "javascript:alert(1)"),
        ("url", "http://example.org"),
        ("url", 'https://example.org/"><script>'),
        ("thousand_images", 0.0),
        ("thousand_images", float("inf")),
        ("currency", "EUR"),
    ],
)
def test_a_price_without_a_day_a_place_or_a_size_is_refused(key: str, value: object) -> None:
    with pytest.raises(CardError, match=key):
        check(PriceCard, {**PRICE, key: value}, Path("a.toml"))
