"""Random crops of aligned pairs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.training.patches import Pairs, draw, pixel_digest

SCALE = 4


def numbered(height: int, width: int, value: int = 0) -> Tensor:
    """An image in which each pixel tells its row, its column and its image."""
    rows = torch.arange(height).view(-1, 1).expand(height, width)
    columns = torch.arange(width).expand(height, width)
    return torch.stack([rows, columns, torch.full_like(rows, value)]).to(torch.uint8)


def enlarged(image: Tensor) -> Tensor:
    return image.repeat_interleave(SCALE, -1).repeat_interleave(SCALE, -2)


def pairs(*sizes: tuple[int, int]) -> Pairs:
    low = [numbered(*size, index) for index, size in enumerate(sizes)]
    return Pairs(low, [enlarged(image) for image in low], SCALE)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sizes", [[(20, 30)], [(8, 8), (40, 9)], [(3, 5)], [(1, 1)]])
def test_crops_of_both_sizes_show_the_same(sizes: list[tuple[int, int]]) -> None:
    x, y = draw(pairs(*sizes), 8, 10, seeded())
    assert (x.shape, y.shape) == ((10, 3, 8, 8), (10, 3, 32, 32))
    assert torch.equal(y, enlarged(x))


def test_crops_are_floats_of_the_bytes() -> None:
    x, _ = draw(pairs((9, 9)), 9, 1, seeded())
    assert torch.equal(x[0, 0, :, 0], torch.arange(9) / 255.0)


def test_every_image_and_every_position_can_come() -> None:
    x, _ = draw(pairs((9, 10), (8, 8)), 8, 300, seeded())
    corners = {tuple(int(v) for v in (crop[:, 0, 0] * 255.0).round()) for crop in x}
    assert corners == {(row, column, 0) for row in (0, 1) for column in (0, 1, 2)} | {(0, 0, 1)}


def test_small_images_are_continued_by_mirrors() -> None:
    x, _ = draw(pairs((3, 8)), 8, 1, seeded())
    assert (x[0, 0, :, 0] * 255.0).round().tolist() == [0, 1, 2, 2, 1, 0, 0, 1]


def test_the_generator_decides_the_crops() -> None:
    source = pairs((30, 30), (40, 20))
    assert torch.equal(draw(source, 8, 4, seeded(3))[0], draw(source, 8, 4, seeded(3))[0])
    assert not torch.equal(draw(source, 8, 4, seeded(3))[0], draw(source, 8, 4, seeded(4))[0])


def test_the_digest_tells_pairs_apart() -> None:
    one, other = pairs((4, 4)), pairs((4, 4))
    assert one.digest() == other.digest()
    other.high[0][0, 0, 0] += 1
    assert one.digest() != other.digest()


def test_what_is_no_set_of_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="not a set of pairs"):
        Pairs([], [], SCALE)
    with pytest.raises(ValueError, match="pair 0"):
        Pairs([numbered(4, 4)], [numbered(16, 15)], SCALE)


def test_the_same_pixels_in_another_shape_are_other_images() -> None:
    lying = numbered(4, 6)
    assert pixel_digest([lying]) == pixel_digest([lying.clone()])
    assert pixel_digest([lying]) != pixel_digest([lying.reshape(3, 6, 4)])
    assert pixel_digest([lying, lying]) != pixel_digest([torch.cat([lying, lying])])
