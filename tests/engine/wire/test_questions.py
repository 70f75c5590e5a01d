"""What a question is, to the pixel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gexbench.engine.wire.questions import (
    BYTES_AT_ONCE,
    LARGEST,
    SMALLEST,
    check_count,
    check_question,
    checked,
    question_digest,
)
from gexbench.errors import QueryError


def batch(height: int, width: int, count: int = 1) -> Tensor:
    return torch.zeros(count, 3, height, width, dtype=torch.uint8)


@pytest.mark.parametrize(("height", "width"), [(8, 16), (16, 8), (16, 16), (4 * 8, 8)])
def test_a_service_of_one_side_refuses_every_other_in_height_and_in_width(height: int, width: int) -> None:
    check_question(batch(8, 8), side=8)
    with pytest.raises(QueryError, match=f"images of {width}x{height} px; the service takes 8x8"):
        check_question(batch(height, width), side=8)


@pytest.mark.parametrize(
    ("height", "width"), [(SMALLEST - 1, 64), (64, SMALLEST - 1), (LARGEST + 1, 8), (8, LARGEST + 1), (0, 8)]
)
def test_sides_that_no_service_takes_are_refused_in_height_and_in_width(height: int, width: int) -> None:
    with pytest.raises(QueryError, match=f"images of {width}x{height} px; the service takes sides of 8 to 4096"):
        check_question(batch(height, width))


@pytest.mark.parametrize(("height", "width"), [(24, 25), (25, 24), (15, 24), (24, 15), (8, 72), (48, 48)])
def test_a_service_that_counts_pixels_refuses_what_has_more_or_is_narrow(height: int, width: int) -> None:
    for whole in ((24, 24), (36, 16), (16, 36), (16, 16)):
        check_question(batch(*whole), largest=576)
    with pytest.raises(QueryError, match=f"images of {width}x{height} px; the service takes up to 576 pixels"):
        check_question(batch(height, width), largest=576)


@pytest.mark.parametrize(("height", "width"), [(SMALLEST, SMALLEST), (SMALLEST, LARGEST), (LARGEST, SMALLEST)])
def test_the_smallest_and_the_largest_sides_are_taken(height: int, width: int) -> None:
    check_question(batch(height, width))


@pytest.mark.parametrize(
    "x",
    [
        batch(8, 8, count=0),
        batch(8, 8)[0],
        batch(8, 8)[:, :1],
        batch(8, 8).float(),
        batch(8, 8).long(),
        torch.zeros(1, 3, 8, 8, 8, dtype=torch.uint8),
        torch.tensor(3, dtype=torch.uint8),
    ],
    ids=lambda x: f"{tuple(x.shape)} {x.dtype}",
)
def test_what_is_no_batch_of_8_bit_images_is_refused_by_its_shape_and_type(x: Tensor) -> None:
    with pytest.raises(QueryError) as refused:
        check_question(x)
    assert f"not {tuple(x.shape)} {x.dtype}" in str(refused.value)
    assert refused.value.hint == "ask at least one image"


@pytest.mark.parametrize("side", [8, 32, 256, 4096])
def test_as_many_images_are_drawn_at_once_as_one_answer_holds(side: int) -> None:
    most = BYTES_AT_ONCE // (3 * side * side)
    check_count(1, side)
    check_count(most, side)
    for wrong in (0, -1, most + 1):
        with pytest.raises(QueryError, match=f"cannot draw {wrong} images at once") as refused:
            check_count(wrong, side)
        assert refused.value.hint == f"ask for a whole number of images, 1 to {most}"


@pytest.mark.parametrize("n", [True, 2.0, "2", None, [2]], ids=repr)
def test_a_count_is_a_whole_number(n: object) -> None:
    with pytest.raises(QueryError, match="cannot draw"):
        check_count(n, 8)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda x: x * 1.01, "outside .0,1. or NaN"),
        (lambda x: x - 0.01, "outside .0,1. or NaN"),
        (lambda x: x / 0, "outside .0,1. or NaN"),
        (lambda x: x[0], r"not \(3, 8, 8\)"),
        (lambda x: x.expand(1, 3, 8, 8)[:, :2], r"not \(1, 2, 8, 8\)"),
        (lambda x: x.bool(), "not torch.bool"),
        (lambda x: x.numpy(), "not ndarray"),
        (lambda x: None, "not NoneType"),
    ],
)
def test_what_is_no_batch_of_images_is_named_before_it_travels(make: Callable[[Tensor], Tensor], reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        checked(make(torch.linspace(0, 1, 192).reshape(1, 3, 8, 8)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_of_any_width_from_0_to_1_are_taken_as_they_are(dtype: torch.dtype) -> None:
    x = torch.linspace(0, 1, 192).reshape(1, 3, 8, 8).to(dtype)
    assert checked(x) is x


def test_questions_are_known_by_the_hashes_that_ledgers_hold() -> None:
    image = torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2)
    known = hashlib.sha256(b"(3, 2, 2)" + bytes(range(12))).digest()
    assert question_digest(image.shape, image.numpy().tobytes()) == known
    assert question_digest((3, 2, 2), bytes(range(12))) == known
    assert question_digest((3, 4, 1), bytes(range(12))) != known
