"""From the bytes of strangers' files to pixels and facts: depths, alpha, tags that lie, and errors in one line."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gexbench.core.decoding import _numbers, decode
from gexbench.core.images import to_uint8
from gexbench.errors import DataMissing

DEEP = np.random.default_rng(0).integers(0, 65536, (6, 5), dtype=np.uint16)
CLEAR = np.full_like(DEEP, 65535)
WANTED = torch.from_numpy(np.rint(DEEP.astype(np.float64) / 257).astype(np.uint8)).expand(3, -1, -1)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png16(*channels: NDArray[np.uint16], extra: bytes = b"") -> bytes:
    pixels = np.stack(channels, axis=-1).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[len(channels)]
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour, 0, 0, 0)
    parts = _chunk(b"IHDR", head), extra, _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(pixels: NDArray[np.generic], *, big: bool = False, packed: bool = False, **tags: int) -> bytes:
    """Write (H,W,C); tags: photometric, signs, bits (what the file says of its depth)."""
    order, pixels = ">" if big else "<", pixels if pixels.ndim == 3 else pixels[..., None]
    body = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    body = zlib.compress(body) if packed else body
    height, width, count = pixels.shape
    kinds = {256: width, 257: height, 259: 8 if packed else 1, 262: tags.get("photometric", 2 if count > 2 else 1)}
    kinds |= {273: 8, 277: count, 278: height, 279: len(body)} | ({338: 2} if count in (2, 4) else {})
    if "signs" in tags:
        kinds[339] = tags["signs"]
    bits = tags.get("bits", pixels.dtype.itemsize * 8)
    end = 8 + len(body) + len(body) % 2
    rows, heap = b"", struct.pack(f"{order}{count}H", *[bits] * count)
    place = end + 2 + 12 * (len(kinds) + 1) + 4
    for tag in sorted([*kinds, 258]):
        if tag == 258:
            value = struct.pack(f"{order}I", place) if count > 2 else heap.ljust(4, b"\0")
            rows += struct.pack(f"{order}HHI", 258, 3, count) + value
        else:
            rows += struct.pack(f"{order}HHII", tag, 4, 1, kinds[tag])
    head = (b"MM" if big else b"II") + struct.pack(f"{order}HI", 42, end)
    table = struct.pack(f"{order}H", len(kinds) + 1) + rows + bytes(4)
    return head + body.ljust(end - 8, b"\0") + table + heap


SAME = {
    "png grey": png16(DEEP),
    "png grey alpha": png16(DEEP, CLEAR),
    "png colour": png16(DEEP, DEEP, DEEP),
    "png colour alpha": png16(DEEP, DEEP, DEEP, CLEAR),
    "tiff grey": tiff(DEEP),
    "tiff grey, big-endian": tiff(DEEP, big=True),
    "tiff grey, 0 is white": tiff(65535 - DEEP, photometric=0),
    "tiff colour": tiff(np.stack([DEEP] * 3, -1)),
    "tiff colour, big-endian": tiff(np.stack([DEEP] * 3, -1), big=True),
    "tiff colour, packed": tiff(np.stack([DEEP] * 3, -1), packed=True),
    "tiff colour, packed, big-endian": tiff(np.stack([DEEP] * 3, -1), packed=True, big=True),
    "tiff colour alpha": tiff(np.stack([DEEP] * 3 + [CLEAR], -1)),
    "pgm": b"P5 5 6 65535 " + DEEP.astype(">u2").tobytes(),
    "ppm": b"P6 5 6 65535 " + np.stack([DEEP] * 3, -1).astype(">u2").tobytes(),
}


@pytest.mark.parametrize("kind", SAME)
def test_16_bits_are_one_picture_in_grey_and_colour_with_and_without_alpha(kind: str) -> None:
    found = decode(SAME[kind], kind)
    pixels = found.pixels
    assert torch.equal(pixels if pixels.dtype == torch.uint8 else to_uint8(pixels), WANTED)
    assert found.facts.depth == 16
    assert not found.facts.transparent


def test_16_bits_under_alpha_are_laid_on_white() -> None:
    half = np.full_like(DEEP, 32768)
    for data in (png16(DEEP, half), png16(DEEP, DEEP, DEEP, half)):
        found = decode(data, "x")
        assert found.facts.transparent
        expected = torch.from_numpy(DEEP.astype(np.float32) / 65535) * (32768 / 65535) + 32767 / 65535
        assert torch.allclose(found.pixels, expected.expand(3, -1, -1), atol=1e-6)
    key = int(DEEP[2, 3])
    for data in (
        png16(DEEP, extra=_chunk(b"tRNS", struct.pack(">H", key))),
        png16(DEEP, DEEP, DEEP, extra=_chunk(b"tRNS", struct.pack(">3H", key, key, key))),
    ):
        assert decode(data, "x").pixels[:, 2, 3].tolist() == [1.0] * 3


@pytest.mark.parametrize(
    "data",
    [
        tiff(DEEP.astype(np.int32)),
        tiff(DEEP.astype(np.uint32)),
        tiff(DEEP.astype(np.int16), signs=2),
        tiff(DEEP.astype(np.int16), signs=2, big=True),
        tiff(DEEP.astype(np.int32), signs=2),
        tiff(DEEP.astype(np.float32), signs=3),
    ],
)
def test_whole_numbers_without_a_range_are_refused_by_the_files_own_depth(data: bytes) -> None:
    with pytest.raises(DataMissing, match=r"x\.tif.*no stated range") as caught:
        decode(data, "x.tif")
    assert "8-bit PNG" in caught.value.hint


def test_a_colour_space_that_is_not_converted_is_refused_by_its_name() -> None:
    held = io.BytesIO()
    Image.new("LAB", (4, 4)).save(held, "TIFF")
    with pytest.raises(DataMissing, match="its colours are LAB"):
        decode(held.getvalue(), "x.tif")


def _jpeg(exif: bytes, size: tuple[int, int] = (16, 8)) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(held, "JPEG", quality=95)
    plain = held.getvalue()
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]


def _exif(*fields: tuple[int, int, int, bytes], start: int = 8) -> bytes:
    rows = b"".join(struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in fields)
    return b"Exif\0\0II*\0" + struct.pack("<IH", start, len(fields)) + rows + bytes(4)


def test_the_orientation_is_applied_and_told() -> None:
    found = decode(_jpeg(_exif((274, 3, 1, b"\6\0"))), "x.jpg")
    assert (found.facts.height, found.facts.width, found.facts.turned) == (16, 8, True)
    assert not decode(_jpeg(_exif((274, 3, 1, b"\1\0"))), "x.jpg").facts.turned


@pytest.mark.parametrize("start", [8, 99999])
def test_rubbish_in_exif_never_loses_a_picture(start: int) -> None:
    noise = random.Random(0)
    for _ in range(200):
        tags = (noise.choice([256, 257, 274, 282, 283, 305, 33432, 34665, 40961]), noise.randrange(14))
        field = (*tags, noise.choice([0, 1, 2, 9, 1 << 31]), noise.randbytes(4))
        assert decode(_jpeg(_exif(field, (274, 5, 1, b"\x10\0\0\0"), start=start)), "x").pixels.dtype == torch.uint8


def test_side_chunks_of_a_png_never_lose_a_picture() -> None:
    bomb = b"Comment\0\0" + zlib.compress(bytes(3_000_000))
    icc = b"x\0\0" + b"no zlib"
    for extra in (_chunk(b"zTXt", bomb), _chunk(b"iCCP", icc), _chunk(b"tEXt", b"a\0b")[:-1] + b"!"):
        assert torch.equal(decode(png16(DEEP, extra=extra), "x").pixels, decode(png16(DEEP), "x").pixels)


def test_a_bomb_says_how_many_pixels_it_holds() -> None:
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")
    with pytest.raises(DataMissing, match="2500000000 pixels") as caught:
        decode(bomb, "x.png")
    assert "tiles" in caught.value.hint


def _said(data: bytes) -> str:
    try:
        return str(decode(data, "x\x1b[2J\n.png").facts)
    except DataMissing as error:
        return str(error)


def test_damaged_files_of_every_kind_are_pictures_or_one_line() -> None:
    noise, whole = random.Random(1), [*SAME.values(), _jpeg(_exif((274, 3, 1, b"\6\0")), (40, 40))]
    for format in ("WEBP", "BMP", "GIF", "TIFF"):
        held = io.BytesIO()
        Image.effect_noise((20, 20), 50).convert("RGB").save(held, format)
        whole.append(held.getvalue())
    for _ in range(600):
        data = bytearray(noise.choice(whole))
        for _ in range(noise.randint(1, 8)):
            data[noise.randrange(min(len(data), noise.choice([40, 400, 4000])))] = noise.randrange(256)
        assert _said(bytes(data)).isprintable()


def test_facts_say_what_a_file_was() -> None:
    held = io.BytesIO()
    pages = [Image.new("CMYK", (9, 4)) for _ in range(3)]
    pages[0].save(held, "TIFF", save_all=True, append_images=pages[1:])
    facts = decode(held.getvalue(), "x").facts
    assert (facts.container, facts.colours, facts.further, facts.height, facts.width) == ("TIFF", "CMYK", 2, 4, 9)
    held = io.BytesIO()
    Image.new("RGBA", (3, 3), (0, 0, 0, 255)).save(held, "PNG", icc_profile=b"no profile")
    facts = decode(held.getvalue(), "x").facts
    assert (facts.container, facts.transparent, facts.profile, facts.depth) == ("PNG", False, "unreadable", 8)


def test_the_preview_in_a_phones_jpeg_is_no_second_picture() -> None:
    held = io.BytesIO()
    Image.new("RGB", (9, 4)).save(held, "MPO", save_all=True, append_images=[Image.new("RGB", (3, 2))])
    facts = decode(held.getvalue(), "x").facts
    assert (facts.container, facts.further) == ("JPEG", 0)


def test_a_file_that_would_start_another_program_is_no_image() -> None:
    with pytest.raises(DataMissing, match="no image of a kind that is read"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "x.png")


@pytest.mark.parametrize("value", [("eight", 8), b"8 bits", None, ()], ids=repr)
def test_a_tag_that_holds_no_numbers_counts_as_one(value: object) -> None:
    assert _numbers(value) == (1,)
