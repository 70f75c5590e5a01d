"""Frames, pictures and zips with a few bytes changed, over and over: read, or refused in one line."""

from __future__ import annotations

import io
import json
import random
import resource
import signal
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
import torch
from PIL import Image

from gexbench.core.decoding import decode as decode_picture
from gexbench.engine.scoring.features.images import open_images
from gexbench.engine.store.zip_folder import DataFolder
from gexbench.engine.wire.frames import BrokenFrame, decode, encode
from gexbench.engine.wire.messages import (
    Answer,
    Extracted,
    Failed,
    Infer,
    Inferred,
    Message,
    Progress,
    Query,
    Ready,
    Refused,
    Sample,
    read,
)
from gexbench.errors import GexbenchError

ROUNDS = [pytest.param(300, id="some"), pytest.param(40_000, id="many", marks=pytest.mark.slow)]
HANGS_AFTER = 60
GROWTH = 1 << 20
"""Kilobytes by which the largest size of this process may grow."""

IMAGES = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).reshape(2, 3, 8, 8)
MESSAGES: list[Message] = [
    Ready(),
    Query(x=IMAGES),
    Sample(n=4),
    Answer(y=IMAGES, z=torch.zeros(2, 5), remaining=3),
    Refused(over=True, message="over", hint="ask less", remaining=0),
    Progress(what="training", done=3, total=9),
    Extracted(report={"loss": 0.5, "note": "well"}),
    Failed(reason="ValueError: no"),
    Infer(x=IMAGES),
    Inferred(y=IMAGES.float() / 255),
]
KINDS = tuple(type(message) for message in MESSAGES)
ODD = (b"", b"[" * 3000, b'"', b"\x00" * 16, b"\xff" * 8, b"9" * 400, b"\\ud800", b"1e999", struct.pack("<Q", 1 << 62))


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """End a test that hangs, and fail one that grows."""

    def hung(signum: int, frame: FrameType | None) -> None:
        raise AssertionError(f"one input took more than {HANGS_AFTER} s")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = signal.signal(signal.SIGALRM, hung)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, kept)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH


def changed(content: bytes, dice: random.Random) -> bytes:
    """Return content with one to four places overwritten, dropped, doubled, filled or cut off."""
    made = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(made) + 1)
        match dice.randrange(6):
            case 0 if at < len(made):
                made[at] = dice.randrange(256)
            case 1 if at < len(made):
                made[at] ^= 1 << dice.randrange(8)
            case 2:
                del made[at : at + dice.choice((1, 4, 40))]
            case 3:
                made[at:at] = made[at : at + dice.choice((1, 16, 200))]
            case 4:
                made[at : at + dice.choice((0, 8))] = dice.choice(ODD)
            case _ if dice.random() < 0.2:
                del made[at:]
    return bytes(made)


@contextmanager
def refused_in_one_line(kind: type[Exception]) -> Iterator[None]:
    """Let a refusal pass whose message does nothing where it is printed; anything else comes out."""
    signal.alarm(HANGS_AFTER)
    try:
        yield
    except kind as error:
        told = str(error)
    else:
        return
    assert 0 < len(told) < 2000
    assert told.isprintable(), repr(told)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_changed_frame_is_a_message_or_broken(rounds: int) -> None:
    dice, frames = random.Random(rounds), [encode(message.frame())[8:] for message in MESSAGES]
    for _ in range(rounds):
        with refused_in_one_line(BrokenFrame):
            read(decode(changed(dice.choice(frames), dice)), *KINDS)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_frame_with_another_header_is_a_message_or_broken(rounds: int) -> None:
    dice, frames = random.Random(rounds), [encode(message.frame())[8:] for message in MESSAGES]
    for _ in range(rounds):
        body = dice.choice(frames)
        (length,) = struct.unpack_from("<Q", body)
        header = changed(body[8 : 8 + length], dice)
        with refused_in_one_line(BrokenFrame):
            read(decode(struct.pack("<Q", len(header)) + header + body[8 + length :]), *KINDS)


def pictures() -> list[bytes]:
    """Return one small picture of every kind that is read."""
    rng = np.random.default_rng(0)
    grey, colours = rng.integers(0, 256, (9, 7), np.uint8), rng.integers(0, 256, (9, 7, 3), np.uint8)
    clear = rng.integers(0, 256, (9, 7, 4), np.uint8)
    wide = Image.fromarray(rng.integers(0, 65536, (9, 7), np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb, made = Image.fromarray(colours), []

    def keep(image: Image.Image, form: str, **how: object) -> None:
        held = io.BytesIO()
        image.save(held, form, **how)
        made.append(held.getvalue())

    for form in ("PNG", "JPEG", "BMP", "PPM", "GIF", "WEBP", "TIFF", "AVIF", "JPEG2000"):
        keep(rgb, form)
    keep(rgb, "PNG", exif=exif)
    keep(rgb, "JPEG", exif=exif, progressive=True)
    keep(rgb.convert("CMYK"), "JPEG")
    keep(rgb.quantize(16), "PNG")
    keep(wide, "PNG")
    keep(wide, "TIFF", compression="tiff_lzw")
    keep(Image.fromarray(grey), "PNG")
    keep(Image.fromarray(clear), "PNG", icc_profile=b"not a profile")
    keep(Image.fromarray(clear), "WEBP", lossless=True)
    return made


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_changed_picture_is_a_picture_or_refused(rounds: int) -> None:
    dice, whole = random.Random(rounds), pictures()
    for _ in range(rounds):
        with refused_in_one_line(GexbenchError):
            picture = decode_picture(changed(dice.choice(whole), dice), "a.png")
            assert picture.pixels.shape[0] == 3


def packed(way: int) -> bytes:
    """Return a zip of two pictures in a folder."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", way) as archive:
        for name, picture in zip(("pool/1.png", "pool/Zwei ü.jpg"), pictures()[:2], strict=True):
            archive.writestr(name, picture)
    return held.getvalue()


def _scored(path: Path) -> None:
    images = open_images(path)
    for index in range(len(images.names)):
        images.decode(images.content(index), index)


def _located(path: Path) -> None:
    folder = DataFolder(path.parent)
    for name in folder.names("pool/*"):
        folder.find(name)


@pytest.mark.parametrize("reader", [_scored, _located])
@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_changed_zip_is_read_or_refused(tmp_path: Path, rounds: int, reader: Callable[[Path], None]) -> None:
    dice, path = random.Random(rounds), tmp_path / "pool.zip"
    whole = [packed(way) for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]
    for _ in range(rounds):
        path.write_bytes(changed(dice.choice(whole), dice))
        with refused_in_one_line(GexbenchError):
            reader(path)


def test_a_header_of_a_thousand_tensors_is_read_or_broken() -> None:
    held = {f"t{number}": {"dtype": "U8", "shape": [1], "data_offsets": [number, number + 1]} for number in range(1000)}
    header = json.dumps({"__metadata__": {"gexbench": "{}"}, **held}).encode()
    with refused_in_one_line(BrokenFrame):
        decode(struct.pack("<Q", len(header)) + header + bytes(1000))
