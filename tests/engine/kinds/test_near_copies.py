"""Near copies: what survives an edit, and what must not count."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gexbench.engine.kinds import near_copies
from gexbench.engine.kinds.near_copies import TestInputs, _tiles, sides


def textured(count: int, height: int = 64, width: int = 64, seed: int = 0) -> list[Tensor]:
    """Return images (3,h,w) uint8 with structure of several sizes, no two alike."""
    generator = torch.Generator().manual_seed(seed)
    layers = [
        F.interpolate(torch.rand(count, 3, height // cell, width // cell, generator=generator), size=(height, width),
                      mode="bicubic")
        for cell in (2, 4, 8)
    ]  # fmt: skip
    return list((sum(layers) * 70 + 20).clamp(0, 255).round().byte())


TESTS = textured(6)
FIXED = TestInputs(TESTS, fixed=True)


def changed(image: Tensor, way: str) -> Tensor:
    x = image.float()
    edits = {
        "itself": x,
        "dimmed": 40 + 0.3 * x,
        "negative": 255 - x,
        "gamma": 255 * (x / 255) ** 1.5,
        "noise": x + 6 * torch.randn(x.shape, generator=torch.Generator().manual_seed(3)),
        "shifted": x.roll((5, -7), (1, 2)),
        "mirrored": x.flip(-1),
        "upside down": x.flip(-2),
        "on its side": x.rot90(1, (1, 2)),
        "a piece on grey": F.pad(x[:, :40, 20:60], (24, 0, 24, 0), value=128.0),
    }
    return edits[way].clamp(0, 255).round().byte()


@pytest.mark.parametrize(
    "way",
    ["itself", "dimmed", "negative", "gamma", "noise", "shifted", "mirrored", "upside down", "on its side",
     "a piece on grey"],
)  # fmt: skip
def test_an_image_is_near_to_itself_however_it_is_changed(way: str) -> None:
    found = FIXED.nearness([*textured(2, seed=7), changed(TESTS[4], way)])
    assert found.distance < 1
    assert (found.asked, found.met) == ({2}, {4})


def test_an_exact_copy_has_distance_0() -> None:
    assert FIXED.nearness([TESTS[0]]).distance == 0


def test_other_images_are_not_near() -> None:
    found = FIXED.nearness(textured(20, seed=1))
    assert (found.asked, found.met) == (set(), set())
    assert found.distance > 2


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_images_have_no_distance_but_from_themselves(level: int) -> None:
    flat = torch.full((3, 64, 64), level, dtype=torch.uint8)
    assert FIXED.nearness([flat]).distance == math.inf
    found = TestInputs([flat], fixed=True).nearness([TESTS[0], flat + 1, flat])
    assert (found.distance, found.asked, found.met) == (0, {2}, {0})


def test_noise_is_not_near() -> None:
    noise = torch.randint(0, 256, (8, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert FIXED.nearness(noise).distance > 2


def test_no_question_has_no_distance() -> None:
    assert FIXED.nearness([]).distance == math.inf


def test_a_tile_of_a_larger_test_image_is_near() -> None:
    tests = TestInputs(textured(2, 96, 128), fixed=False)
    found = tests.nearness([textured(1, 24, 24, seed=5)[0], textured(2, 96, 128)[1][:, 33:57, 61:85]])
    assert (found.asked, found.met) == ({1}, {1})


def test_a_test_image_inside_a_larger_question_is_near() -> None:
    canvas = textured(1, 160, 160, seed=9)[0]
    canvas[:, 50:114, 31:95] = TESTS[3]
    found = TestInputs(TESTS, fixed=False).nearness([canvas])
    assert (found.asked, found.met) == ({0}, {3})


def test_images_above_the_side_are_made_smaller_and_still_found_when_shifted() -> None:
    tests = textured(3, 128, 128)
    found = TestInputs(tests, fixed=True).nearness([tests[2].roll((3, 1), (1, 2))])
    assert (found.asked, found.met) == ({0}, {2})


def test_among_very_many_questions_the_tile_of_most_contrast_is_still_looked_for() -> None:
    many = TestInputs(TESTS, fixed=True, questions=10**12)
    canvas = torch.full((3, 64, 64), 128, dtype=torch.uint8)
    canvas[:, 12:, 12:] = TESTS[2][:, :52, 12:]
    found = many.nearness([*textured(3, seed=8), canvas])
    assert (found.asked, found.met) == ({3}, {2})


def test_the_more_questions_there_are_the_fewer_tiles_of_each_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def spying(greys: Tensor, side: int, most: int) -> tuple[Tensor, Tensor]:
        looked.append(most)
        return _tiles(greys, side, most)

    monkeypatch.setattr(near_copies, "PAIRS", 640_000)
    monkeypatch.setattr(near_copies, "_tiles", spying)
    most = []
    for questions in (1, 10, 10**9):
        looked.clear()
        TestInputs(TESTS, fixed=True, questions=questions).nearness(textured(1, seed=8))
        most.append(looked[0])
    assert most[0] // 10 == most[1] > most[2] == 1


def test_questions_are_numbered_over_batches_and_shapes() -> None:
    questions = [*textured(70, seed=2), textured(1, 48, 48, seed=4)[0], TESTS[1]]
    assert TestInputs(TESTS, fixed=False).nearness(questions).asked == {71}


def test_images_are_compared_by_the_two_largest_tiles_that_fit() -> None:
    assert [sides(shape) for shape in ((64, 64), (40, 99), (24, 24), (16, 30), (15, 90))] == [
        [48, 32], [32, 24], [24, 16], [16], [],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("height", "width", "fixed", "distance"),
    [(160, 192, False, 0.105), (96, 128, False, 0.106), (64, 64, True, 0.378), (48, 48, False, 0.479),
     (40, 44, False, 0.202), (30, 26, False, 0.249), (16, 16, False, 2.11), (128, 160, True, 1.81)],
)  # fmt: skip
def test_the_distance_of_a_noisy_copy_is_what_it_always_was(
    height: int, width: int, fixed: bool, distance: float
) -> None:
    tests = [image[:, :height, :width].contiguous() for image in textured(3, 160, 192)]
    noise = 5 * torch.randn(tests[1].shape, generator=torch.Generator().manual_seed(3))
    moved = tests[1].roll((3, -2), (1, 2)) if height > 16 else tests[1]
    copy = (moved + noise).clamp(0, 255).round().byte()
    found = TestInputs(tests, fixed).nearness([textured(1, height, width, seed=5)[0], copy])
    assert found.distance == pytest.approx(distance, rel=0.03)
