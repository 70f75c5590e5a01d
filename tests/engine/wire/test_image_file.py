"""Images of mixed sizes in one file, as 8-bit images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.core.images import from_uint8, round_8bit
from gexbench.engine.wire.image_file import StoredImages, store_images
from gexbench.errors import OutputError


def noise(height: int, width: int, seed: int) -> Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def test_images_of_mixed_sizes_come_back_in_order_rounded_to_8_bits(tmp_path: Path) -> None:
    images = [noise(4 + seed, 9, seed) for seed in range(12)]
    store_images(tmp_path / "pool", images)
    stored = StoredImages(tmp_path / "pool")
    assert len(stored) == 12
    assert all(torch.equal(kept, round_8bit(image)) for kept, image in zip(stored, images, strict=True))
    assert torch.equal(stored[-1], stored[11])
    assert [image.shape[1] for image in stored[2:5]] == [6, 7, 8]


def test_8_bit_images_come_back_to_the_bit(tmp_path: Path) -> None:
    image = from_uint8(torch.arange(256, dtype=torch.uint8).repeat(3).reshape(3, 16, 16))
    store_images(tmp_path / "pool", [image.transpose(1, 2)])
    assert torch.equal(StoredImages(tmp_path / "pool")[0], image.transpose(1, 2))


def test_no_images_are_a_file_too(tmp_path: Path) -> None:
    store_images(tmp_path / "pool", [])
    assert len(StoredImages(tmp_path / "pool")) == 0


def test_an_index_beyond_the_last_image_is_an_index_error(tmp_path: Path) -> None:
    store_images(tmp_path / "pool", [noise(8, 8, 0)])
    with pytest.raises(IndexError):
        StoredImages(tmp_path / "pool")[1]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=f"cannot write {tmp_path / 'file' / 'pool'}"):
        store_images(tmp_path / "file" / "pool", [noise(8, 8, 0)])
