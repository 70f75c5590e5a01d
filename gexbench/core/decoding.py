"""From the bytes of somebody's file to pixels, and what kind of file it was; no library's exception comes out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from torch import Tensor

from gexbench.errors import DataMissing
from gexbench.file_kinds import HEAD, Kind, kind_of
from gexbench.foreign_text import escaped

# Not EPS and its like, which start other programs.
_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "GIF", "WEBP", "TIFF", "AVIF", "JPEG2000")
_COLOURS = {
    **dict.fromkeys(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"), "grey"),
    **dict.fromkeys(("RGB", "RGBA", "RGBa", "RGBX"), "RGB"),
    **dict.fromkeys(("P", "PA"), "palette"),
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
}
_OTHER_HALF = {"16B": "16L", "16L": "16B", "16N": "16B"}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BITS, _SIGNS, _PHOTOMETRIC = 258, 339, 262
_FETCH = "the file is truncated or not an image Pillow reads; fetch it again"
_SAVE = "save it as an 8-bit PNG"


class Facts(NamedTuple):
    """What a file was before it became pixels.

    container: Pillow's name of the format. colours: "RGB", "grey", "palette", "CMYK" or "YCbCr". depth: bits a channel
    in the file. height, width: of the picture. transparent: a pixel is not opaque. turned: by its EXIF orientation.
    profile: name of an ICC profile, or a gamma, that is not applied; "" for none. further: pictures behind the first.
    """

    container: str
    colours: str
    depth: int
    height: int
    width: int
    transparent: bool = False
    turned: bool = False
    profile: str = ""
    further: int = 0


@dataclass(frozen=True)
class Picture:
    """pixels: (3,H,W), uint8, or float32 in [0,1] where the file holds more than 8 bits."""

    pixels: Tensor
    facts: Facts


class _Refused(ValueError):
    """Pixels that mean nothing without a word that the file does not say."""


def decode(data: bytes, name: str) -> Picture:
    """Decode an image file; rules as in `core.images.decode_image`.

    A damaged tag, profile or text beside a whole picture is passed over. Raises DataMissing, naming the file, for
    whatever a library finds wrong with it.
    """
    try:
        return _read(data)
    except Exception as error:
        bare = None if isinstance(error, (_Refused, Image.DecompressionBombError)) else _without_sides(data)
        if bare is not None:
            try:
                return _read(bare)
            except Exception:
                pass  # the first error says more
        told, hint = _words(error, kind_of(data[:HEAD]))
        raise DataMissing(f"cannot decode the image {escaped(name)} ({len(data)} bytes): {told}", hint) from error


def _words(error: Exception, kind: Kind | None) -> tuple[str, str]:
    if isinstance(error, _Refused):
        return str(error), _SAVE
    if kind is not None and kind.group != "image":
        return f"it is no image of a kind that is read, but {kind.told}", kind.way_out or _FETCH
    if isinstance(error, UnidentifiedImageError):
        return "it is no image of a kind that is read", _FETCH
    if isinstance(error, Image.DecompressionBombError):
        return f"{error}".split(",")[0], "that many pixels are refused; make it smaller, or cut it into tiles"
    if isinstance(error, MemoryError):
        return "the memory does not hold it", "make it smaller, or cut it into tiles"
    return escaped(str(error) or type(error).__name__), _FETCH


def _open(data: bytes) -> ImageFile:
    return Image.open(io.BytesIO(data), formats=_FORMATS)


def _read(data: bytes) -> Picture:
    with _open(data) as opened:
        depth, colours = _depth(opened), _colours(opened)
        inverted = _inverted(opened, depth)
        turn = _orientation(opened)
        opened.load()
        if opened.format != "TIFF":  # Pillow has turned those
            turn = _orientation(opened)
            if turn in _TURNS:
                opened.im = opened.im.transpose(_TURNS[turn])
                opened._size = opened.im.size
        pixels, transparent = _wide(data, opened, turn, depth) if depth > 8 else _to_rgb(opened)
        facts = Facts(
            container="JPEG" if opened.format == "MPO" else str(opened.format),
            colours=colours,
            depth=depth,
            height=pixels.shape[-2],
            width=pixels.shape[-1],
            transparent=transparent,
            turned=turn in _TURNS,
            profile=_profile(opened),
            further=_further(opened, data),
        )
    return Picture(1.0 - pixels if inverted else pixels, facts)


def _colours(image: ImageFile) -> str:
    if image.mode == "F":
        raise _Refused("float pixels (mode F) have no stated range")
    if image.mode not in _COLOURS or (image.mode == "I" and image.format not in ("PPM", "PNG", "TIFF")):
        raise _Refused(f"its colours are {image.mode}, which is not converted here")
    return "grey" if "LA;16B" in _raw_modes(image) else _COLOURS[image.mode]


def _depth(image: ImageFile) -> int:
    """Return the bits a channel that the file itself states; refuses floats, signed and 32-bit whole numbers."""
    if (tags := getattr(image, "tag_v2", None)) is not None:
        bits, signs = (_numbers(tags.get(tag, 1)) for tag in (_BITS, _SIGNS))
        if 3 in signs:
            raise _Refused("float pixels have no stated range")
        if 2 in signs or max(bits) > 16:
            raise _Refused(f"{'signed ' * (2 in signs)}{max(bits)}-bit pixels have no stated range")
        return max(bits)
    if image.format == "PPM":
        maxval = next((tile.args[1] for tile in image.tile if isinstance(tile.args, tuple) and len(tile.args) > 1), 255)
        return 16 if image.mode == "I" or (isinstance(maxval, int) and maxval > 255) else 8
    if image.mode.startswith("I") or any(mode.endswith("16B") for mode in _raw_modes(image)):
        return 16
    return 1 if image.mode == "1" else 8


def _numbers(value: object) -> tuple[int, ...]:
    """Return the whole numbers of a tag, 1 where it holds something else."""
    try:
        return tuple(map(int, value)) or (1,) if isinstance(value, tuple) else (int(str(value)),)
    except (TypeError, ValueError):
        return (1,)


def _raw_modes(image: ImageFile) -> list[str]:
    """Return how the channels lie in each part of the file, as Pillow calls it."""
    return [str(tile.args[0] if isinstance(tile.args, tuple) else tile.args) for tile in image.tile if tile.args]


def _inverted(image: Image.Image, depth: int) -> bool:
    """Tell a grey TIFF of more than 8 bits whose 0 is white: Pillow turns round those of 8 bits and fewer alone."""
    tags = getattr(image, "tag_v2", None)
    return tags is not None and depth > 8 and tags.get(_PHOTOMETRIC) == 0


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a tag that cannot be read turns nothing
        return 1


def _to_rgb(image: Image.Image) -> tuple[Tensor, bool]:
    transparent = False
    if image.has_transparency_data:
        front = image.convert("RGBA")
        transparent = front.getchannel("A").getextrema()[0] != 255
        image = Image.alpha_composite(Image.new("RGBA", front.size, "white"), front)
    # NumPy's transposed copy of bytes is several times quicker than PyTorch's.
    return torch.from_numpy(np.array(np.asarray(image.convert("RGB")).transpose(2, 0, 1), order="C")), transparent


def _wide(data: bytes, image: ImageFile, turn: int, depth: int) -> tuple[Tensor, bool]:
    """Return float32 in [0,1] of a picture with more than 8 bits a channel, and whether a pixel is not opaque."""
    channels = _channels(data, image, turn)
    if channels is None:  # Pillow has left 8 bits
        return _to_rgb(image)
    if image.mode == "CMYK":
        levels = (channels.astype(np.uint32) * 255 + 32767) // 65535
        return _to_rgb(Image.fromarray(levels.astype(np.uint8), "CMYK"))
    largest = 65535 if image.format != "TIFF" else (1 << depth) - 1
    alpha = channels[..., channels.shape[-1] - 1 :] if channels.shape[-1] in (2, 4) else _keyed(channels, image)
    colour = channels[..., : channels.shape[-1] - (channels.shape[-1] in (2, 4))].astype(np.float32)
    pixels = torch.from_numpy(colour / np.float32(largest)).permute(2, 0, 1).clamp(0.0, 1.0)
    transparent = alpha is not None and bool((alpha < largest).any())
    if alpha is not None and transparent:
        cover = torch.from_numpy(alpha.astype(np.float32) / np.float32(largest)).permute(2, 0, 1)
        pixels = pixels * cover + (1.0 - cover)
    return pixels.expand(3, -1, -1).contiguous(), transparent


def _channels(data: bytes, image: ImageFile, turn: int) -> NDArray[np.uint16] | None:
    """Return (H,W,C) whole numbers; None where Pillow has no way to the lower 8 bits.

    Pillow keeps the upper byte of a 16-bit colour; asked for the other order of bytes it gives the lower one.
    """
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)[..., None]
    with _open(data) as again:
        modes = _raw_modes(again)
        if modes == ["LA;16B"]:
            halves = _unpacked(again, {"LA;16B": "RGBA"}, turn).astype(np.uint16)
            return (halves[..., 0::2] << 8 | halves[..., 1::2]).astype(np.uint16)
        swaps = {mode: mode.replace(mode[-3:], _OTHER_HALF[mode[-3:]]) for mode in modes if mode[-3:] in _OTHER_HALF}
        if set(swaps) != set(modes) or any(mode.startswith("RGBa") for mode in modes):
            return None
        lower = _unpacked(again, swaps, turn)
    return (np.asarray(image).astype(np.uint16) << 8 | lower).astype(np.uint16)


def _unpacked(image: ImageFile, modes: dict[str, str], turn: int) -> NDArray[np.uint8]:
    def renamed(args: Any) -> Any:
        return (modes[args[0]], *args[1:]) if isinstance(args, tuple) else modes[args]

    image.tile = [tile._replace(args=renamed(tile.args)) for tile in image.tile]
    image.load()
    turned = image.format != "TIFF" and turn in _TURNS
    return np.asarray(image.transpose(_TURNS[turn]) if turned else image)


def _keyed(channels: NDArray[np.uint16], image: Image.Image) -> NDArray[np.uint16] | None:
    """Return an alpha channel where a PNG names one colour as transparent."""
    key = image.info.get("transparency")
    if not isinstance(key, (int, tuple)):
        return None
    hidden = (channels == np.asarray(key, dtype=np.uint16)).all(axis=-1, keepdims=True)
    return np.where(hidden, 0, 65535).astype(np.uint16)


def _profile(image: Image.Image) -> str:
    try:
        if icc := image.info.get("icc_profile"):
            held = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            return escaped(ImageCms.getProfileDescription(held).strip() or "without a name")[:60]
        gamma = float(image.info.get("gamma", 0.0))
        return f"gamma {gamma:.4f}" if gamma and abs(gamma - 1 / 2.2) > 0.001 else ""
    except Exception:  # it is not applied anyway
        return "unreadable"


def _further(image: Image.Image, data: bytes) -> int:
    """Return how many pictures follow the first; the preview in a phone's JPEG is none."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return 0
    try:
        with _open(data) as again:  # to count the pages of a TIFF is to turn them
            return int(getattr(again, "n_frames", 1)) - 1
    except Exception:
        return 1


def _without_sides(data: bytes) -> bytes | None:
    """Return a JPEG or PNG less all that is no part of its pixels; None for other and for damaged files."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return b"\xff\xd8" + b"".join(_jpeg_parts(data))
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return data[:8] + b"".join(_png_parts(data))
    except (IndexError, ValueError):
        pass
    return None


def _jpeg_parts(data: bytes) -> Iterator[bytes]:
    at = 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        marker = data[at + 1]
        if data[at] != 0xFF or end <= at + 3:
            raise ValueError("no marker")
        # JFIF and Adobe's segment say how colours are stored.
        if marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            yield data[at:end]
        at = end
    yield data[at:]


def _png_parts(data: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind[0] < 0x60 or kind == b"tRNS":
            yield data[at:end]
        at = end
