"""Which image belongs to which: names that differ in form alone, what was taken off them, and refusals."""

from __future__ import annotations

import re

import pytest

from gexbench.core.pairing import partners
from gexbench.errors import PlanError


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (["caf\u00e9.png"], ["cafe\u0301.jpg"]),
        (["a\\b.png"], ["a/b.png"]),
        (["/a/b.png"], ["a/b.png"]),
        (["./a/b.png"], ["a/b.png"]),
    ],
)
def test_forms_of_one_name_pair_without_a_note(mine: list[str], theirs: list[str]) -> None:
    found = partners([*mine, "z.png"], ["z.png", *theirs])
    assert found.order == (1, 0)
    assert found.notes == ()


def test_names_as_they_are_come_before_names_without_their_folder() -> None:
    assert partners(["x/a.png", "x/b.png"], ["x/b.png", "x/a.png"]).notes == ()
    one_side = partners(["x/a.png", "x/x/a.png"], ["x/a.png", "a.png"])
    assert one_side.order == (1, 0)


def test_a_folder_taken_off_names_is_told() -> None:
    (note,) = partners(["cat/a.png"], ["dog/a.png"]).notes
    assert "'cat/' in the names of the images" in note
    assert "'dog/' in the names of the reference" in note


def test_a_refusal_names_what_is_missing_and_not_what_is_there() -> None:
    with pytest.raises(PlanError, match="the reference lacks 'y/0'; 1 of 2 images and 1 references pair"):
        partners(["x/0.png", "y/0.png"], ["x/0.png"])


def test_a_refusal_gives_three_names_a_side_and_counts() -> None:
    with pytest.raises(PlanError) as caught:
        partners([f"a{k}.png" for k in range(9)], [f"b{7 * k}c.png" for k in range(5)])
    assert "lacks 'a0', 'a1', 'a2' and 6 more" in str(caught.value)
    assert "lack 'b0c', 'b14c', 'b21c' and 2 more" in str(caught.value)
    assert "0 of 9 images and 5 references pair" in str(caught.value)


@pytest.mark.parametrize(
    ("mine", "theirs", "strip"),
    [
        ("{}_fake_B", "{}_real_B", "_fake_B,_real_B"),
        ("{}0x4", "{}0", "x4"),
        ("img{}_SwinIR", "img{}", "_SwinIR"),
        ("in/{}", "in/{}-hr", "-hr"),
        ("fake_{:04}", "real_{:04}", "fake_,real_"),
        ("sr/{}_out", "hr/{}", "_out"),
    ],
)
def test_the_ends_that_would_explain_all_are_named_and_do(mine: str, theirs: str, strip: str) -> None:
    a, b = ([form.format(k) + ".png" for k in range(1, 12)] for form in (mine, theirs))
    with pytest.raises(PlanError) as caught:
        partners(a, b)
    assert f"--strip={strip} pairs them" in caught.value.hint
    assert partners(a, b, strip.split(",")).order == tuple(range(11))


def test_names_that_stripping_makes_equal_are_refused() -> None:
    with pytest.raises(PlanError, match=re.escape("'a_x.png' and 'a.png' differ in no more than")):
        partners(["a_x.png", "a.png"], ["a.png", "b.png"], ["_x"])


def test_upper_and_lower_case_are_named_as_the_difference() -> None:
    with pytest.raises(PlanError) as caught:
        partners(["A.png", "b.png"], ["a.png", "b.png"])
    assert "upper and lower case" in caught.value.hint


def test_no_terminal_sees_what_a_strangers_name_holds() -> None:
    with pytest.raises(PlanError) as caught:
        partners(["a\x1b[2J\n.png"], ["b\udcff.png"])
    assert str(caught.value).isprintable()
