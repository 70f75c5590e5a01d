"""One JPEG for all who compress."""

from __future__ import annotations

import hashlib

import torch

from gexbench.core.images import from_uint8, round_8bit, to_uint8
from gexbench.core.jpeg import recompressed


def test_the_same_image_gives_the_same_bytes_wherever_it_is_compressed() -> None:
    ramp = from_uint8((torch.arange(3 * 16 * 16) * 7 % 251).to(torch.uint8).reshape(3, 16, 16))
    got = to_uint8(recompressed(ramp, 90)).numpy().tobytes()
    assert hashlib.sha256(got).hexdigest()[:16] == "3aca0f9ca0db892d"


def test_what_comes_back_is_an_image_of_8_bits_and_the_given_shape() -> None:
    image = torch.rand(3, 9, 15, generator=torch.Generator().manual_seed(0))
    got = recompressed(image, 50)
    assert got.shape == image.shape
    assert torch.equal(got, round_8bit(got))
