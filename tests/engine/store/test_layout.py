"""From names of images to the patterns of a card."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.store.layout import Source, arrange
from gexbench.errors import DataMissing


def source(*names: str, place: Path = Path("/x/pictures")) -> Source:
    return Source.of(place, names)


def test_a_pattern_for_each_ending_and_depth() -> None:
    found = arrange(source("a.png", "b.JPG", "c.png", "deep/er/d.png"), (), False, ())
    assert found.patterns == (("*.JPG", "*.png", "*/*/*.png"),)


def test_sides_are_folders_and_a_folder_around_them_makes_no_difference() -> None:
    found = arrange(source("set/photo/a.png", "set/style/b.jpg"), ("photo", "style"), False, ())
    assert found.tops == ("set/photo", "set/style")
    assert found.patterns == (("set/photo/*.png",), ("set/style/*.jpg",))


def test_names_in_a_zip_begin_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "all.zip").touch()
    found = source("in/photo/a.png", "in/style/b.jpg", place=tmp_path / "all.zip")
    assert (found.folder, found.top) == (tmp_path, "all/in")


def test_a_zip_of_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "all.cbz").touch()
    with pytest.raises(DataMissing, match="is a zip of another name"):
        source("a.png", place=tmp_path / "all.cbz")


def test_a_side_that_is_not_there_is_named_beside_the_folders_that_are() -> None:
    with pytest.raises(DataMissing, match=r"no images in style/ of /x/pictures: it holds photo/, video/") as caught:
        arrange(source("photo/a.png", "video/b.png"), ("photo", "style"), False, ())
    assert "--sides" in caught.value.hint


def test_pairs_want_partners_and_the_option_that_gives_them_is_named() -> None:
    names = ("input/a_in.png", "target/a_out.png", "input/b_in.png", "target/b_out.png")
    with pytest.raises(DataMissing, match="every input needs a target of its name") as caught:
        arrange(source(*names), ("input", "target"), True, ())
    assert "--strip=_in,_out" in caught.value.hint
    arrange(source(*names), ("input", "target"), True, ("_in", "_out"))
