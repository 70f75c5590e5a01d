"""Text that others wrote does nothing where it is printed."""

from __future__ import annotations

import pytest

from gexbench.foreign_text import LINE, PARAGRAPH, csv_cell, escaped, invisible, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain, ümläut, 漢字, ∞ ± ✓", "plain, ümläut, 漢字, ∞ ± ✓"),
        ("\x1b[31mred\x1b[0m", "?[31mred?[0m"),
        ("\x9b31mred", "?31mred"),
        ("\x1b]0;title\x07", "?]0;title?"),
        ("two\nlines\r\tthree\u2028four\u00a0five", "two lines  three four five"),
        ("a\u202eb\u200bc\u2066d\ufeffe\u00adf", "a?b?c?d?e?f"),
        ("half \ud800 of \udc80 it", "half ? of ? it"),
        ("\x00\x7f\ue000\U000e0041", "????"),
        ("[bold]kept as it is[/]", "[bold]kept as it is[/]"),
        ("", ""),
    ],
)
def test_what_is_no_visible_character_is_seen_as_one(text: str, seen: str) -> None:
    assert shown(text) == seen
    seen.encode("utf-8")


def test_a_text_is_cut_at_its_bound_and_says_so() -> None:
    assert shown("a" * LINE) == "a" * LINE
    assert shown("a" * (LINE + 1)) == "a" * (LINE - 1) + "…"
    assert shown("a" * 10_000_000, 5) == "aaaa…"
    assert shown("\x1b" * 10, 5) == "????…"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1"])
def test_a_cell_is_no_formula(text: str) -> None:
    assert csv_cell(text).startswith("'")
    assert csv_cell(text).lstrip("' ") == text.strip()


@pytest.mark.parametrize("text", ["srresnet (lr=1e-3)", "1", "", " ", "a=1", "∞"])
def test_a_cell_that_is_none_stays_as_it_is(text: str) -> None:
    assert csv_cell(text) == text


def test_the_first_invisible_character_is_named() -> None:
    assert invisible("visible, ä 漢 ✓\u00a0") is None
    assert invisible("a\nb") == "\n"
    assert invisible("a\nb\x1b", allowed="\n") == "\x1b"
    assert invisible("a\u202eb") == "\u202e"


def test_a_line_has_three_hundred_characters_and_a_paragraph_four_thousand() -> None:
    assert (len(shown("a" * 5000)), len(shown("a" * 5000, PARAGRAPH))) == (300, 4000)


def test_of_a_name_nothing_is_lost_and_nothing_does_anything() -> None:
    assert escaped("grün 1.png") == "grün 1.png"
    assert escaped("a\x1b[2J\n\udce4.png") == "a\\x1b[2J\\n\\udce4.png"
    assert escaped("two\nlines", keep="\n") == "two\nlines"
