"""PNG whose bytes are told by its pixels alone."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
import torch
from PIL import Image

from gexbench.core.plain_png import plain_png


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5), (200, 130)])
def test_others_read_the_pixels_that_were_written(height: int, width: int) -> None:
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with Image.open(io.BytesIO(plain_png(image))) as read:
        assert (read.mode, read.size) == ("RGB", (width, height))
        assert np.array_equal(np.array(read), image.permute(1, 2, 0).numpy())


def test_the_bytes_are_the_same_with_every_version_of_every_library() -> None:
    image = torch.arange(3 * 4 * 4, dtype=torch.uint8).reshape(3, 4, 4)
    assert (
        hashlib.sha256(plain_png(image)).hexdigest()
        == "4999891e9b1a77baea894bbcb39abc916244a6de04e5297348ac30f6ebeab7db"
    )
