"""Sets of the layout of one that ships, of other images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from own_images import fill

from gexbench.cards.catalog import Catalog
from gexbench.core.images import read_image, to_uint8
from gexbench.engine.run.alike import Part, lay_out, names_of
from gexbench.errors import DataMissing, PlanError

NAMES = ["set/pool/1.jpg", "set/pool/2.jpg", "set/style/1.webp"]


def quiet(what: str, done: int, total: int) -> None:
    pass


def test_folders_of_a_layout_are_filled_with_the_pixels_of_other_images(tmp_path: Path) -> None:
    fill(tmp_path / "mine", 4, ending=".bmp")
    (tmp_path / "mine/note.txt").write_text("no image")
    (tmp_path / "mine/000b.bmp").write_bytes((tmp_path / "mine/000.bmp").read_bytes())
    part = Part.of(f"set/pool={tmp_path / 'mine'}")
    lay_out(part, NAMES[:2], tmp_path / "data", Catalog.load(), quiet)
    made = sorted(path.relative_to(tmp_path / "data").as_posix() for path in (tmp_path / "data").rglob("*.*"))
    assert made == ["set/pool/1.png", "set/pool/2.png"]
    for number, source in ((1, "000"), (2, "001")):
        was, became = tmp_path / f"mine/{source}.bmp", tmp_path / f"data/set/pool/{number}.png"
        assert torch.equal(to_uint8(read_image(was)), to_uint8(read_image(became)))


def test_a_victim_that_draws_fills_a_folder_with_images_that_are_the_same_each_time(tmp_path: Path) -> None:
    part = Part.of("set/pool=sngan-figures-mini")
    for place in ("one", "two"):
        lay_out(part, NAMES[:2], tmp_path / place, Catalog.load(), quiet)
    one, two = ([*sorted((tmp_path / place).rglob("*.png"))] for place in ("one", "two"))
    assert len(one) == 2
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert one[0].read_bytes() != one[1].read_bytes()


def test_a_source_of_too_few_pictures_and_one_that_draws_none_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "mine", 1)
    with pytest.raises(DataMissing, match="has 1 pictures, 2 are needed"):
        lay_out(Part.of(f"set/pool={tmp_path / 'mine'}"), NAMES[:2], tmp_path / "data", Catalog.load(), quiet)
    with pytest.raises(PlanError, match="draws no images"):
        lay_out(Part.of("set/pool=srgan-mini"), NAMES[:2], tmp_path / "data", Catalog.load(), quiet)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (["set/pool"], "is not FOLDER=SOURCE"),
        (["=x"], "is not FOLDER=SOURCE"),
        (["set/pol=x", "set/style=y"], "is no folder of the layout"),
        (["set/pool=x", "set/pool=y", "set/style=z"], "given twice"),
        (["set/pool=x"], "no source for set/style"),
    ],
)
def test_parts_that_do_not_fill_the_layout_are_refused(parts: list[str], told: str) -> None:
    with pytest.raises(PlanError, match=told):
        names_of(NAMES, [Part.of(each) for each in parts])


def test_one_source_may_fill_several_folders() -> None:
    assert names_of(NAMES, [Part.of("set/pool,set/style=x")]) == [NAMES]
    assert names_of(NAMES, [Part.of("set=x")]) == [NAMES]
