"""Splits by rule: which share of a folder a name belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from gexbench.cards.schema import DatasetCard
from gexbench.engine.store.shares import Part, Shares, place

NAMES = [f"photo/{i}.png" for i in range(2000)]


def card(seed: int = 0, **shares: float) -> DatasetCard:
    def split(share: float) -> dict[str, Any]:
        return {"within": "folder", "files": ["photo/*.png"], "share": share}

    splits = {"pool": split(shares["pool"]), "test": {"mine": split(shares["test"])}}
    values = {"name": "a/b", "summary": "s", "reader": "a:B", "licence": "none", "folder": "x", "splits": splits}
    return DatasetCard.model_validate({**values, "seed": seed})


def parts(made: DatasetCard) -> list[Part]:
    shares = Shares(made)
    return [part for split in made.splits.named().values() if (part := shares.next(split))]


def held(made: DatasetCard, names: list[str]) -> list[set[str]]:
    return [{name for name in names if part.holds("photo/*.png", name)} for part in parts(made)]


def test_shares_are_as_large_as_they_say_and_share_no_file() -> None:
    pool, test = held(card(pool=0.7, test=0.2), NAMES)
    assert abs(len(pool) - 1400) < 80
    assert abs(len(test) - 400) < 60
    assert not pool & test


def test_shares_of_one_in_all_leave_no_file_out() -> None:
    assert set.union(*held(card(pool=0.9, test=0.1), NAMES)) == set(NAMES)


def test_another_file_moves_no_other() -> None:
    few, many = held(card(pool=0.6, test=0.4), NAMES[:50]), held(card(pool=0.6, test=0.4), NAMES)
    assert [a & set(NAMES[:50]) for a in many] == few


def test_another_seed_deals_anew() -> None:
    assert held(card(pool=0.5, test=0.5), NAMES) != held(card(seed=1, pool=0.5, test=0.5), NAMES)


def test_places_are_the_same_on_every_machine() -> None:
    assert place("a", 0) == pytest.approx(0.0517, abs=1e-4)


def test_two_files_of_a_pair_have_one_place() -> None:
    part = Part(0.0, 0.5, 0, ("_in", "_gt"))
    for i in range(50):
        assert part.holds("x/input/*.png", f"x/input/{i}_in.png") == part.holds("target/*.jpg", f"target/{i}_gt.jpg")


def test_shares_of_more_than_all_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the shares of photo/\*\.png are 1\.2 in all"):
        card(pool=0.7, test=0.5)
