"""Shares of images that are of a kind, and of kinds that occur."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gexbench.core.features import Rows
from gexbench.errors import CardError
from gexbench.metrics import kinds
from gexbench.metrics.kinds import Kinds, clean, covered


def _rows(of: list[int], known: int = 4) -> Rows:
    """Return rows of images of the given kinds, -1 for none."""
    return Rows((torch.tensor(of)[:, None] == torch.arange(known)).float())


def test_images_of_no_kind_are_not_clean() -> None:
    assert clean(_rows([0, 0, -1, 3])) == 0.75


def test_a_kind_is_covered_by_one_image_however_many_there_are_of_others() -> None:
    assert covered(_rows([0, 0, 0, 0, 2, -1])) == 0.5


def test_a_set_without_a_clean_image_covers_nothing() -> None:
    assert (clean(_rows([-1] * 5)), covered(_rows([-1] * 5))) == (0.0, 0.0)


def test_fewer_images_than_kinds_cannot_say_which_are_covered() -> None:
    with pytest.raises(ValueError, match="3 images cannot be of 4 kinds"):
        covered(_rows([0, 1, 2]))


def test_an_even_sampler_covers_all_kinds_and_one_that_lost_some_does_not() -> None:
    rng = np.random.default_rng(0)
    assert covered(_rows(rng.integers(64, size=1000).tolist(), 64)) == 1.0
    assert covered(_rows(rng.integers(48, size=1000).tolist(), 64)) == 0.75


def test_parts_of_a_large_set_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "CHUNK", 2)
    assert (clean(_rows([0, -1, 1, 2, -1])), covered(_rows([0, -1, 1, 2, -1]))) == (0.6, 0.75)


@pytest.mark.parametrize(("part", "value"), [("clean", 0.8), ("covered", 0.5)])
def test_the_card_says_which_share(part: str, value: float) -> None:
    assert Kinds({"part": part, "precision": "counts"}, {}).measure(_rows([1, 1, 1, 2, -1])) == value


def test_another_share_is_refused() -> None:
    with pytest.raises(CardError, match=r"settings\.part = 'modes'"):
        Kinds({"part": "modes"}, {})
