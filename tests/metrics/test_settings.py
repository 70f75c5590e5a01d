"""Settings of a metric, read from its card."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gexbench.errors import CardError
from gexbench.metrics.settings import read


@dataclass(frozen=True)
class _Recipe:
    k: int = field(default=3, metadata={"least": 1})
    beta: float = 8.0
    part: str = field(default="recall", metadata={"choices": ("recall", "precision")})


def test_settings_fill_the_recipe_and_precision_is_left_to_the_reader() -> None:
    assert read(_Recipe, {"k": 5, "beta": 1, "precision": "float64"}) == _Recipe(k=5, beta=1)
    assert read(_Recipe, {}) == _Recipe()


def test_settings_that_are_refused_say_what_would_do() -> None:
    for settings, hint in (
        ({"part": "recal"}, "recall"),
        ({"k": 0}, "1 or more"),
        ({"k": True}, "whole number"),
        ({"beta": "8"}, "a number"),
        ({"part": 1}, "a text"),
        ({"bta": 1}, "beta"),
    ):
        with pytest.raises(CardError) as caught:
            read(_Recipe, settings)
        assert hint in caught.value.hint
