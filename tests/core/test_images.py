"""The one image convention: reading, rounding, cropping, luma."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gexbench.core.images import (
    crop_to_multiple,
    decode_8bit,
    decode_image,
    from_uint8,
    luma_bt601,
    read_image,
    round_8bit,
    to_uint8,
)
from gexbench.errors import DataMissing


def _noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def _png(image: Image.Image, **options: object) -> bytes:
    held = io.BytesIO()
    image.save(held, "PNG", **options)
    return held.getvalue()


def _decoded(image: Image.Image, **options: object) -> list[int]:
    return [int(v) for v in to_uint8(decode_image(_png(image, **options), "x.png"))[:, 0, 0]]


def test_reads_colour_as_three_planes_of_float32(tmp_path: Path) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    x = read_image(tmp_path / "a.png")
    assert x.dtype == torch.float32
    assert x.is_contiguous()
    assert np.array_equal(to_uint8(x).permute(1, 2, 0).numpy(), pixels)


def test_replicates_grey() -> None:
    assert _decoded(Image.new("L", (2, 2), 77)) == [77, 77, 77]
    assert _decoded(Image.new("1", (2, 2), 1)) == [255, 255, 255]


def test_expands_a_palette() -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([9, 9, 9, 10, 20, 30])
    assert _decoded(image) == [10, 20, 30]


def test_puts_transparency_on_white() -> None:
    assert _decoded(Image.new("RGBA", (2, 2), (10, 20, 30, 0))) == [255, 255, 255]
    assert _decoded(Image.new("RGBA", (2, 2), (10, 20, 30, 255))) == [10, 20, 30]
    assert _decoded(Image.new("LA", (2, 2), (0, 51))) == [204, 204, 204]
    assert _decoded(Image.new("RGB", (2, 2), (10, 20, 30)), transparency=(10, 20, 30)) == [255, 255, 255]


def test_scales_16_bit_grey_by_65535() -> None:
    image = Image.fromarray(np.full((2, 2), 0x8080, dtype=np.uint16))
    assert torch.equal(decode_image(_png(image), "x"), torch.full((3, 2, 2), 0x8080 / 65535.0))


def test_converts_cmyk_to_rgb() -> None:
    held = io.BytesIO()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(held, "JPEG", quality=100)
    red, green, blue = decode_image(held.getvalue(), "x.jpg")[:, 4, 4]
    assert red > 0.95
    assert max(green, blue) < 0.05


def test_applies_the_exif_orientation() -> None:
    image = Image.new("RGB", (3, 2))
    image.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    x = decode_image(_png(image, exif=exif), "x.png")
    assert x.shape == (3, 3, 2)
    assert x[0, 0, 1] == 1.0


def test_refuses_a_missing_file_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"gone\.png"):
        read_image(tmp_path / "gone.png")


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_refuses_a_truncated_file_by_name(tmp_path: Path, format: str) -> None:
    held = io.BytesIO()
    Image.fromarray(to_uint8(_noise(64, 64, 3)).numpy()).save(held, format)
    (tmp_path / "half").write_bytes(held.getvalue()[: len(held.getvalue()) // 2])
    with pytest.raises(DataMissing, match=r"half \(\d+ bytes\)") as caught:
        read_image(tmp_path / "half")
    assert "fetch it again" in caught.value.hint


def test_refuses_bytes_that_are_no_image() -> None:
    with pytest.raises(DataMissing, match=r"page\.png"):
        decode_image(b"<html>not found</html>", "page.png")


def test_refuses_float_pixels() -> None:
    held = io.BytesIO()
    Image.new("F", (2, 2), 0.5).save(held, "TIFF")
    with pytest.raises(DataMissing, match="no stated range"):
        decode_image(held.getvalue(), "x.tif")


def _odd_images() -> dict[str, Image.Image]:
    grey = to_uint8(_noise(9, 7)).numpy()
    colour = Image.fromarray(to_uint8(_noise(9, 7, 3)).numpy())
    glass = colour.copy()
    glass.putalpha(Image.fromarray(grey))
    deep = Image.fromarray((_noise(9, 7) * 65535).numpy().astype(np.uint16))
    return {
        "colour": colour,
        "grey": Image.fromarray(grey),
        "bilevel": Image.fromarray(grey).convert("1"),
        "palette": colour.quantize(5),
        "alpha": glass,
        "grey alpha": glass.convert("LA"),
        "16-bit": deep,
    }


@pytest.mark.parametrize("kind", _odd_images())
def test_8_bits_are_the_rounded_image_whatever_the_file_holds(kind: str) -> None:
    data = _png(_odd_images()[kind])
    levels = decode_8bit(data, "x.png")
    assert levels.dtype == torch.uint8
    assert levels.is_contiguous()
    assert torch.equal(levels, to_uint8(decode_image(data, "x.png")))


def test_8_bits_are_refused_by_name_as_the_image_is() -> None:
    for data in (b"", b"<html>", _png(Image.new("RGB", (40, 40)))[:60]):
        with pytest.raises(DataMissing, match=r"page\.png"):
            decode_8bit(data, "page.png")


def test_uint8_goes_there_and_back_exactly() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(from_uint8(levels)), levels)
    assert torch.equal(round_8bit(from_uint8(levels)), from_uint8(levels))


def test_rounding_is_the_way_through_uint8() -> None:
    x = _noise(3, 40, 40) * 1.4 - 0.2
    assert torch.equal(from_uint8(to_uint8(x)), round_8bit(x))


def test_rounds_halves_up_and_clamps() -> None:
    x = torch.tensor([-0.3, 0.4 / 255, 0.5 / 255, 2.5 / 255, 254.4 / 255, 1.7])
    assert to_uint8(x).tolist() == [0, 0, 1, 3, 254, 255]


def test_nan_never_becomes_a_level() -> None:
    x = torch.tensor([0.5, math.nan])
    assert round_8bit(x).isnan().tolist() == [False, True]
    with pytest.raises(ValueError, match="NaN"):
        to_uint8(x)


def test_from_uint8_refuses_floats() -> None:
    with pytest.raises(TypeError, match="float32"):
        from_uint8(torch.zeros(2))


def test_luma_of_black_white_and_red_is_as_bt601_says() -> None:
    colours = torch.tensor([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    luma = luma_bt601(colours[:, None, :])
    assert luma.shape == (1, 1, 3)
    assert torch.allclose(luma[0, 0] * 255, torch.tensor([16.0, 235.0, 81.481], dtype=torch.float64), atol=1e-12)


def test_luma_takes_batches_and_refuses_one_channel() -> None:
    assert luma_bt601(_noise(2, 3, 4, 5)).shape == (2, 1, 4, 5)
    with pytest.raises(ValueError, match=r"\(1, 4, 5\)"):
        luma_bt601(_noise(1, 4, 5))


def test_crops_to_a_multiple_at_the_right_and_bottom() -> None:
    x = _noise(3, 9, 14)
    assert torch.equal(crop_to_multiple(x, 4), x[:, :8, :12])
    with pytest.raises(ValueError, match="3x9"):
        crop_to_multiple(_noise(3, 3, 9), 4)
