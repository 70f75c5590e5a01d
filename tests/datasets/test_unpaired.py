"""Photos and style images as squares of one size."""

from __future__ import annotations

import pytest
import torch
from picture_factory import Stored, picture

from gexbench.core.images import from_uint8
from gexbench.datasets.unpaired import ImageSets, UnpairedPhotos
from gexbench.errors import CardError, DataMissing

SPLITS = ("owner", "style", "pool", "reference", "test/near", "test/far")


def dataset(side: int = 16, smallest: int = 0, **changed: list[Stored]) -> UnpairedPhotos:
    files = {split: [picture(f"{split}{i}.png") for i in range(3)] for split in SPLITS}
    return UnpairedPhotos({"side": side, "smallest": smallest}, {**files, **changed})


def test_an_image_of_the_right_size_comes_back_pixel_for_pixel() -> None:
    stored = picture("x.png")
    assert torch.equal(
        dataset(pool=[stored]).pool().inputs[0], from_uint8(torch.from_numpy(stored.pixels).movedim(2, 0))
    )


def test_a_wide_image_is_cut_to_its_centre() -> None:
    stored = picture("x.png", 16, 20)
    centre = torch.from_numpy(stored.pixels).movedim(2, 0)[:, :, 2:18]
    assert torch.equal(dataset(owner=[stored]).owner()[0], from_uint8(centre))


@pytest.mark.parametrize(("height", "width"), [(32, 48), (50, 33), (16, 17)])
def test_every_image_becomes_a_square_of_the_cards_side(height: int, width: int) -> None:
    image = dataset(pool=[picture("x.png", height, width)]).pool().inputs[0]
    assert image.shape == (3, 16, 16)
    assert torch.equal(image, (image * 255).round() / 255)


def test_a_smaller_image_is_enlarged_only_where_the_card_allows_it() -> None:
    small = [picture("small.png", 12, 30)]
    assert dataset(smallest=12, pool=small).pool().inputs[0].shape == (3, 16, 16)
    with pytest.raises(DataMissing, match=r"small\.png is 30x12 pixels, below the 16x16"):
        dataset(pool=small).pool().inputs[0]


def test_the_truth_of_every_test_split_is_the_whole_reference() -> None:
    found = dataset(reference=[picture(f"r{i}.png") for i in range(5)])
    assert {name: (len(split.inputs), len(split.truth)) for name, split in found.tests().items()} == {
        "near": (3, 5),
        "far": (3, 5),
    }


def test_nobody_knows_a_truth_about_the_pool() -> None:
    assert len(dataset().pool().truth) == 0


def test_the_owner_has_photos_and_style_images() -> None:
    found = dataset(style=[picture("s.png")])
    assert (len(found.owner()), len(found.style())) == (3, 1)


def test_a_file_that_is_no_image_is_named() -> None:
    class Broken:
        name = "torn.png"

        def read(self) -> bytes:
            return b"\x89PNG"

    with pytest.raises(DataMissing, match=r"torn\.png"):
        UnpairedPhotos({"side": 16}, {"owner": [Broken()]}).owner()[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"sides": 16}, "settings.sides is not a setting"), ({"side": 4}, "settings.side = 4"), ({"side": 16.0}, "16.0")],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(CardError, match=message):
        UnpairedPhotos(settings, {})


def test_sets_for_services_that_draw_have_real_images_and_no_questions() -> None:
    files = {"owner": [picture("a.png", 32, 48)], "test/kept": [picture("b.png"), picture("c.png")]}
    found = ImageSets({"side": 16}, files)
    assert found.owner()[0].shape == (3, 16, 16)
    assert (len(found.style()), len(found.pool().inputs)) == (0, 0)
    kept = found.tests()["kept"]
    assert (len(kept.inputs), len(kept.truth)) == (0, 2)
    assert len(ImageSets({"side": 16}, {**files, "pool": [picture("d.png")]}).pool().inputs) == 1


def test_a_setting_that_sets_for_services_that_draw_do_not_have_is_refused() -> None:
    with pytest.raises(CardError, match=r"settings\.sides is not a setting of ImageSets"):
        ImageSets({"sides": 16}, {})
