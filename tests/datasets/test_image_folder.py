"""Images of one's own: which reader a layout has, and pairs from two folders."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from picture_factory import Stored, picture

from gexbench.core.dataset import Dataset
from gexbench.core.images import from_uint8
from gexbench.datasets.image_folder import image_folder
from gexbench.errors import CardError, DataMissing

INPUTS, TARGETS = ("a.png", "bb.png", "ccc.png"), ("ccc.jpg", "bb.jpg", "a.jpg")


def pairs(inputs: tuple[str, ...] = INPUTS, targets: tuple[str, ...] = TARGETS, **settings: Any) -> Dataset:
    scale = settings.get("scale", 1)
    files = [picture(f"input/{name}", 10, 12) for name in inputs]
    files += [picture(f"target/{name}", 10 * scale, 12 * scale) for name in targets]
    return image_folder({"layout": "paired", **settings}, {"pool": files, "test/mine": files})


def pixels(stored: Stored) -> torch.Tensor:
    return from_uint8(torch.from_numpy(stored.pixels).movedim(2, 0))


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_pairs_are_matched_by_name_at_any_scale(scale: int) -> None:
    pool = pairs(scale=scale).pool()
    assert pool.names == ["input/a.png", "input/bb.png", "input/ccc.png"]
    assert torch.equal(pool.inputs[0], pixels(picture("input/a.png", 10, 12)))
    assert torch.equal(pool.truth[0], pixels(picture("target/a.jpg", 10 * scale, 12 * scale)))


def test_with_a_side_both_of_a_pair_become_squares() -> None:
    test = pairs(scale=2, side=8).tests()["mine"]
    assert test.inputs[0].shape == (3, 8, 8)
    assert test.truth[0].shape == (3, 16, 16)


def test_ends_of_names_are_taken_off() -> None:
    found = pairs(("a_in.png", "bb_in.png"), ("bb_gt.png", "a_gt.png"), strip="_in,_gt").pool()
    assert torch.equal(found.truth[1], pixels(picture("target/bb_gt.png", 10, 12)))


def test_names_without_partners_are_told_three_a_side_with_counts() -> None:
    with pytest.raises(DataMissing) as caught:
        pairs(("a.png", *(f"x{i}.png" for i in range(5))), ("a.png", *(f"y{i}.png" for i in range(4))))
    said = str(caught.value)
    assert "the targets lack 'x0', 'x1', 'x2' and 2 more; the inputs lack 'y0', 'y1', 'y2' and 1 more" in said
    assert "1 of 6 inputs and 5 targets pair" in said
    assert "\n" not in said


def test_ends_that_would_pair_all_of_it_are_named() -> None:
    with pytest.raises(DataMissing) as caught:
        pairs(("a_in.png", "b_in.png"), ("a_gt.png", "b_gt.png"))
    assert 'strip = "_in,_gt" in the settings of the card' in caught.value.hint


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(DataMissing, match=r"'a\.png' and 'a\.jpg' differ in the ending alone"):
        pairs(("a.png", "a.jpg"), ("a.png",))


def test_a_target_of_another_size_is_refused() -> None:
    files = [picture("input/a.png", 10, 12), picture("target/a.png", 20, 23)]
    dataset = image_folder({"layout": "paired", "scale": 2}, {"pool": files})
    with pytest.raises(DataMissing, match=r"target/a\.png has 23x20 pixels, input/a\.png 12x10: not 2 times"):
        dataset.pool().truth[0]


def test_a_split_without_targets_is_refused() -> None:
    with pytest.raises(DataMissing, match="pool has 1 inputs and 0 targets"):
        pairs(("a.png",), ())


def test_a_file_in_neither_folder_is_refused() -> None:
    with pytest.raises(CardError, match=r"other/a\.png of pool lies in neither folder"):
        image_folder({"layout": "paired"}, {"pool": [picture("other/a.png")]})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"layout": "triple"}, r"settings\.layout = 'triple'"),
        ({}, r"settings\.layout = None"),
        ({"layout": "paired", "sclae": 2}, r"settings\.sclae is not a setting"),
        ({"layout": "paired", "scale": 1.5}, r"settings\.scale = 1\.5 is refused"),
        ({"layout": "paired", "scale": 0}, r"settings\.scale = 0"),
        ({"layout": "paired", "target": "input"}, "both 'input'"),
        ({"layout": "unpaired", "sied": 64}, r"settings\.sied is not a setting"),
    ],
)
def test_settings_that_are_none_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(CardError, match=told):
        image_folder(settings, {})


def test_photos_alone_are_made_smaller_and_photos_and_a_style_become_squares() -> None:
    files = {split: [picture("x.png", 16, 16)] for split in ("pool", "reference", "test/mine")}
    small = image_folder({"layout": "one", "scale": 4}, files)
    assert (small.pool().inputs[0].shape, small.pool().truth[0].shape) == ((3, 4, 4), (3, 16, 16))
    styled = image_folder({"layout": "unpaired", "side": 8}, files)
    assert (styled.pool().inputs[0].shape, len(styled.tests()["mine"].truth)) == ((3, 8, 8), 1)
    drawn = image_folder({"layout": "one", "side": 8}, files)
    assert drawn.tests()["mine"].truth[0].shape == (3, 8, 8)


def test_where_the_victim_learned_elsewhere_the_owner_has_no_images() -> None:
    files = {split: [picture("x.png", 16, 16)] for split in ("pool", "reference", "test/mine")}
    for settings in ({"layout": "one", "scale": 2}, {"layout": "one", "side": 8}, {"layout": "unpaired", "side": 8}):
        assert len(image_folder(settings, files).owner()) == 0
    assert len(pairs().owner()) == 0
