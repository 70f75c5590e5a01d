"""Who is asked what, and in which order."""

from __future__ import annotations

import pytest
from study_factory import WISH

from gexbench.study.design import Wish, design, orders
from gexbench.study.key import StudyError

NAMES = [f"photo-{at}" for at in range(40)]


def test_each_image_is_seen_once_a_page_and_in_the_other_arm_on_the_other_page() -> None:
    first, second = ([i for i in group.items if i.role == "rated"] for group in design(WISH, NAMES))
    assert sorted(i.source for i in first) == sorted({i.source for i in second})
    other = {i.source: i.arm for i in second}
    assert all({i.arm, other[i.source]} == {"a", "b"} for i in first)
    assert [i.arm for i in first].count("a") == WISH.images // 2


def test_a_page_holds_anchors_repeats_of_both_arms_and_two_instructions() -> None:
    for group in design(Wish(20, 24, "seed"), NAMES):
        roles = [item.role for item in group.items]
        assert (roles.count("untranslated"), roles.count("true-style"), roles.count("repeat")) == (1, 1, 2)
        assert {i.arm for i in group.items if i.role == "repeat"} == {"a", "b"}
        assert sorted(i.wanted for i in group.items if i.wanted) == [2, 4]
        rated = {i.source for i in group.items if i.role == "rated"}
        assert not rated & {i.source for i in group.items if i.role in ("untranslated", "true-style")}


def test_every_rater_has_an_order_of_their_own_with_repeats_far_behind() -> None:
    for group in design(WISH, NAMES):
        found = orders(WISH.seed, group)
        assert found.keys() == {*group.raters}
        assert len({tuple(order) for order in found.values()}) == len(group.raters)
        ids = [item.id for item in group.items]
        for order in found.values():
            assert sorted(order) == list(range(len(ids)))
            for item in (i for i in group.items if i.repeats):
                gap = order.index(ids.index(item.id)) - order.index(ids.index(item.repeats or ""))
                assert gap >= len(ids) // 4


def test_another_seed_gives_other_arms_names_and_codes() -> None:
    one, other = (design(Wish(8, 12, seed), NAMES)[0] for seed in ("one", "other"))
    assert not {i.id for i in one.items} & {i.id for i in other.items}
    assert not {*one.raters} & {*other.raters}
    assert [i.arm for i in one.items] != [i.arm for i in other.items]


def test_no_code_is_on_both_pages() -> None:
    first, second = design(WISH, NAMES)
    assert not {*first.raters} & {*second.raters}


@pytest.mark.parametrize(
    ("images", "raters", "told"),
    [(7, 12, "7 images"), (2, 12, "2 images"), (8, 11, "11 raters"), (8, 2, "2 raters"), (40, 12, "need 44")],
)
def test_a_study_that_cannot_be_had_is_refused_in_a_line(images: int, raters: int, told: str) -> None:
    with pytest.raises(StudyError, match=told):
        design(Wish(images, raters, "seed"), NAMES)
