"""Lists of pinned hashes, and the patterns cards use."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.store.file_lists import expand, matching, read_pins
from gexbench.errors import CardError

A, B = "a" * 64, "b" * 64


def _list(folder: Path, *lines: str) -> Path:
    path = folder / "list.sha256"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_reads_what_sha256sum_writes_names_with_blanks_and_binary_marks_too(tmp_path: Path) -> None:
    path = _list(tmp_path, f"{A}  pool/2013-11-10 07_43.jpg", f"{B} *b.png")
    assert read_pins(path) == {"pool/2013-11-10 07_43.jpg": A, "b.png": B}


@pytest.mark.parametrize("line", [f"{A}", f"{A[:-1]}  x.png", f"{A}  /etc/passwd", f"{A}  a/../../b", ""])
def test_refuses_a_line_of_another_form_by_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(CardError, match="line 2"):
        read_pins(_list(tmp_path, f"{B}  b.png", line))


def test_refuses_a_name_that_stands_twice(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"line 2: x\.png is listed twice"):
        read_pins(_list(tmp_path, f"{A}  x.png", f"{B}  x.png"))


def test_refuses_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"gone\.sha256") as caught:
        read_pins(tmp_path / "gone.sha256")
    assert "gexbench data pin" in caught.value.hint


def test_counts_with_the_zeros_of_the_first_number() -> None:
    assert expand("x/{0008..0011}.png") == ["x/0008.png", "x/0009.png", "x/0010.png", "x/0011.png"]
    assert expand("{1..2}/{01..02}") == ["1/01", "1/02", "2/01", "2/02"]
    assert expand("plain.png") == ["plain.png"]
    with pytest.raises(CardError, match="counts backwards") as caught:
        expand("{5..3}.png")
    assert "{3..5}" in caught.value.hint


def test_a_star_stays_in_its_folder_and_skips_hidden_files() -> None:
    names = ["a/2.png", "a/10.png", "a/b/3.png", "a/._2.png", "a/2.jpg", "b/2.png", "a/2xpng"]
    assert matching("a/*.png", names) == ["a/10.png", "a/2.png"]
    assert matching("a/*/*.png", names) == ["a/b/3.png"]
    assert matching("*/2.png", names) == ["a/2.png", "b/2.png"]


def test_all_else_in_a_pattern_means_itself() -> None:
    assert matching("a/[1]*.png", ["a/[1]x.png", "a/1x.png"]) == ["a/[1]x.png"]
