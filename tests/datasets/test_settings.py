"""Settings of a reader's card: names it knows, numbers of their type, none below its least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from gexbench.datasets.settings import numbers, refuse_unknown
from gexbench.errors import CardError


@dataclass(frozen=True)
class Sheet:
    side: int = 64
    share: float = 0.5


def test_what_is_not_set_stays_as_it_was_and_a_whole_number_is_a_number() -> None:
    assert numbers(Sheet, {"side": 8, "share": 1}, "Reader", {"side": 8}) == Sheet(8, 1)
    assert numbers(Sheet, {}, "Reader", {}) == Sheet()


@pytest.mark.parametrize(
    ("settings", "told", "hint"),
    [
        ({"sides": 8}, r"settings\.sides is not a setting of Reader", "side"),
        ({"side": 7}, r"settings\.side = 7 is refused", "it takes int, 8 or more"),
        ({"side": 8.5}, r"settings\.side = 8\.5 is refused", "it takes int, 8 or more"),
        ({"side": True}, r"settings\.side = True is refused", "it takes int, 8 or more"),
        ({"share": -0.1}, r"settings\.share = -0\.1 is refused", "it takes float, 0 or more"),
        ({"share": "1"}, r"settings\.share = '1' is refused", "it takes float, 0 or more"),
    ],
)
def test_what_is_out_of_range_is_named_with_the_way_out(settings: dict[str, Any], told: str, hint: str) -> None:
    with pytest.raises(CardError, match=told) as refused:
        numbers(Sheet, settings, "Reader", {"side": 8})
    assert hint in refused.value.hint


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    refuse_unknown(["side"], ["side", "domain"], "Reader")
    with pytest.raises(CardError, match=r"settings\.domian is not a setting of Reader") as refused:
        refuse_unknown(["domian"], ["side", "domain"], "Reader")
    assert "domain" in refused.value.hint
