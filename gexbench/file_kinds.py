"""What a file of unknown make is, told from its first bytes: nothing is unpickled, unpacked or read to its end."""

from __future__ import annotations

import io
import json
import os
import pickletools
import re
import stat
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

HEAD = 1 << 16
"""Bytes that are looked at."""
IMAGE_ENDINGS = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
Group = Literal["stray", "archive", "arrays", "weights", "image", "other"]
_OPCODES, _PICKLES = 20_000, 5


class Kind(NamedTuple):
    """A kind of file.

    name: for code. told: for people, after "is". group: stray stands where something else should. way_out: what helps
    whoever wanted something else, "" where that depends on what it was.
    """

    name: str
    told: str
    group: Group = "other"
    way_out: str = ""


_AGAIN = "the download went wrong; fetch the file itself again"
_LFS = "fetch what it stands for: git lfs pull"
_ANNEX = "fetch what it stands for: git annex get"
_UNPACK = "unpack it first"
_TENSORS = "save its tensors by name with safetensors.torch.save_file"
_GONE = "mend the link, or put the file itself there"
EMPTY = Kind("empty", "an empty file", "stray", _AGAIN)
FOLDER = Kind("folder", "a folder")
ZIP = Kind("zip", "a zip archive", "archive", _UNPACK)
PICKLE = Kind("pickle", "a Python pickle", "weights")
TORCH = Kind("torch", "a PyTorch archive (torch.save)", "weights", _TENSORS)
_TORCHSCRIPT = Kind("torchscript", "a TorchScript archive (torch.jit.save)", "weights", _TENSORS)
_HTML = Kind("html", "a web page (HTML)", "stray", _AGAIN)
_NO_FILE = Kind("no-file", "no regular file", "stray")

_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x93NUMPY", Kind("npy", "a NumPy array (npy)", "arrays")),
    (0, b"MATLAB 5.0 MAT-file", Kind("mat", "a MATLAB file", "arrays")),
    (0, b"\x89HDF\r\n\x1a\n", Kind("hdf5", "an HDF5 file (Keras h5, MATLAB 7.3)", "arrays")),
    (0, b"PAR1", Kind("parquet", "a Parquet table", "arrays", "export its images to files")),
    (0, b"SQLite format 3\0", Kind("sqlite", "an SQLite database", "other")),
    (16, b"\xde\xc0\xef\xbe", Kind("lmdb", "an LMDB database", "arrays", "export its images to files")),
    (0, b"GGUF", Kind("gguf", "a GGUF file", "weights")),
    (4, b"TFL3", Kind("tflite", "a TensorFlow Lite model", "weights")),
    (0, b"\x1f\x8b", Kind("gzip", "a gzip archive", "archive", _UNPACK)),
    (0, b"BZh", Kind("bzip2", "a bzip2 archive", "archive", _UNPACK)),
    (0, b"\xfd7zXZ\0", Kind("xz", "an xz archive", "archive", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Kind("zstd", "a Zstandard archive", "archive", _UNPACK)),
    (0, b"\x04\x22\x4d\x18", Kind("lz4", "an lz4 archive", "archive", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("7z", "a 7z archive", "archive", _UNPACK)),
    (0, b"Rar!\x1a\x07", Kind("rar", "a RAR archive", "archive", _UNPACK)),
    (257, b"ustar", Kind("tar", "a tar archive", "archive", _UNPACK)),
    (0, b"%PDF", Kind("pdf", "a PDF", "other")),
    (0, b"\x7fELF", Kind("program", "a program", "other")),
    (0, b"\x89PNG\r\n\x1a\n", Kind("png", "a PNG image", "image")),
    (0, b"\xff\xd8\xff", Kind("jpeg", "a JPEG image", "image")),
    (0, b"GIF8", Kind("gif", "a GIF image", "image")),
    (0, b"II*\0", Kind("tiff", "a TIFF image", "image")),
    (0, b"MM\0*", Kind("tiff", "a TIFF image", "image")),
    (8, b"WEBP", Kind("webp", "a WebP image", "image")),
    (4, b"ftypavif", Kind("avif", "an AVIF image", "image")),
    (4, b"jP  \r\n\x87\n", Kind("jpeg2000", "a JPEG 2000 image", "image")),
    (4, b"ftypheic", Kind("heic", "an HEIC image", "other", "save it as PNG")),
    (4, b"ftypmif1", Kind("heic", "an HEIF image", "other", "save it as PNG")),
    (0, b"\xff\x0a", Kind("jxl", "a JPEG XL image", "other", "save it as PNG")),
    (0, b"\0\0\0\x0cJXL ", Kind("jxl", "a JPEG XL image", "other", "save it as PNG")),
    (0, b"8BPS", Kind("psd", "a Photoshop file", "other", "save it as PNG")),
    (0, b"\x76\x2f\x31\x01", Kind("exr", "an OpenEXR image", "other", "save it as PNG")),
    (4, b"ftyp", Kind("video", "a video", "other", "save its frames as PNG")),
    (0, b"\x1aE\xdf\xa3", Kind("video", "a video", "other", "save its frames as PNG")),
    (8, b"AVI ", Kind("video", "a video", "other", "save its frames as PNG")),
)
_TEXTS: tuple[tuple[str, Kind], ...] = (
    (r"version https://(git-lfs|hawser)\.github\.com/spec", Kind("lfs", "a Git LFS pointer", "stray", _LFS)),
    (r"[^\n]{0,300}/annex/objects/", Kind("annex", "a git-annex pointer", "stray", _ANNEX)),
    (r"(?i)<!doctype html|<(html|head|body|script|title|meta|center)\b", _HTML),
    (r"(?i)<\?xml(?s:.{0,500})<svg\b|<svg\b", Kind("svg", "an SVG drawing", "other", "save it as PNG")),
    (r"(?is)<\?xml.{0,500}<html\b", _HTML),
    (r"(?is)<\?xml.{0,200}<error\b", Kind("error", "a server's error message (XML)", "stray", _AGAIN)),
    (r"(outs|md5):(?s:.{0,200})\b(md5|path):", Kind("dvc", "a DVC pointer", "stray", "fetch it: dvc pull")),
    (r"model_checkpoint_path:", Kind("tf-checkpoint", "the index of a TensorFlow checkpoint", "weights")),
)
_NAMES: tuple[tuple[str, Kind], ...] = (
    (r"\.onnx$", Kind("onnx", "an ONNX model", "weights", "export its weights as safetensors")),
    (r"\.pb$", Kind("tf-graph", "a TensorFlow graph (SavedModel)", "weights")),
    (
        r"\.ckpt\b.*\.(index|meta|data-\d{5}-of-\d{5})$",
        Kind("tf-checkpoint", "part of a TensorFlow checkpoint", "weights"),
    ),
    (r"\.tfrecords?$", Kind("tfrecord", "a TensorFlow record file", "arrays", "export its images to files")),
)
_PICKLED: tuple[tuple[str, Kind], ...] = (
    (
        r"(dnnlib\.)?(tflib\.network|tfutil) ?Network|^network Network",
        Kind(
            "tf-pickle",
            "a TensorFlow pickle of StyleGAN or PGGAN",
            "weights",
            "legacy.py of stylegan2-ada-pytorch turns one of StyleGAN2 into a PyTorch pickle; others are not read",
        ),
    ),
    (
        r"torch_utils\.persistence ",
        Kind("stylegan", "a PyTorch pickle of StyleGAN as its authors publish them", "weights"),
    ),
    (r"^__torch__", _TORCHSCRIPT),
    (r"^(torch\.|torch _|collections OrderedDict)", TORCH),
    (r"^numpy[. ]", Kind("numpy-pickle", "a pickle of NumPy arrays", "arrays")),
)
_ROSINALITY = Kind(
    "rosinality", "a PyTorch archive (torch.save) of rosinality's stylegan2-pytorch", "weights", _TENSORS
)
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def what_is(path: Path) -> Kind | None:
    """Return what lies at a path; None for a regular file of no known kind, and where there is nothing to be read.

    Nothing but a regular file is opened, and of that HEAD bytes are read.
    """
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            return _folder(path)
        if not stat.S_ISREG(facts.st_mode):
            return _NO_FILE
        with path.open("rb") as file:
            return kind_of(file.read(HEAD), path.name)
    except (OSError, ValueError):
        return _link(path)


def kind_of(head: bytes, name: str = "") -> Kind | None:
    """Return what a file is whose first bytes are `head`, at most HEAD of them; name: that of the file, if known."""
    if not head:
        return EMPTY
    if _safetensors(head):  # before all else: it begins with a length, which may be another's mark
        return Kind("safetensors", "a safetensors file", "weights")
    for at, magic, kind in _MAGIC:
        if head.startswith(magic, at):
            return kind
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip(head)
    return _text(head) or _pickle(head) or _pnm(head) or _named(head, name)


def _folder(path: Path) -> Kind:
    if (path / "saved_model.pb").is_file():
        return Kind("saved-model", "the folder of a TensorFlow SavedModel", "weights")
    if (path / "data.mdb").is_file():
        return Kind("lmdb", "an LMDB database", "arrays", "export its images to files")
    return FOLDER


def _link(path: Path) -> Kind | None:
    try:
        target = os.readlink(path)
    except (OSError, ValueError):
        return None
    annexed = "annex/objects" in target
    told = "a link of git-annex to a content that is not here" if annexed else "a link to nowhere"
    return Kind("link", told, "stray", _ANNEX if annexed else _GONE)


def _zip(head: bytes) -> Kind:
    name, content = _first_member(head)
    if name.endswith(".npy"):
        return Kind("npz", "NumPy arrays (npz)", "arrays")
    if re.match(r"[^/]+/(data\.pkl|data/\d|code/|constants\.pkl|version|byteorder|\.format_version|\.data/)", name):
        if re.search(r"/(data/\d|code/|constants\.pkl)", name):  # torch.save begins with data.pkl
            return _TORCHSCRIPT
        inside = _pickle(content)
        return inside if inside is not None and inside.name in ("rosinality", "torchscript") else TORCH
    if name in ("metadata.json", "config.json") and b"model.weights.h5" in head:
        return Kind("keras", "a Keras model", "weights")
    if name == "[Content_Types].xml":
        return Kind("office", "an Office document")
    return ZIP


def _first_member(head: bytes) -> tuple[str, bytes]:
    """Return the name of the first member of a zip, and as much of its content as the head holds."""
    method, length, extra = (int.from_bytes(head[at : at + 2], "little") for at in (8, 26, 28))
    content = head[30 + length + extra :]
    if method == 8:
        try:
            content = zlib.decompressobj(-15).decompress(content, HEAD)
        except zlib.error:
            content = b""
    return head[30 : 30 + length].decode(errors="replace"), content


def _safetensors(head: bytes) -> bool:
    return (
        len(head) > 9
        and 2 <= int.from_bytes(head[:8], "little") <= 100 << 20
        and head[8:9] == b"{"
        and head[9] in b'"} \n'
    )


def _text(head: bytes) -> Kind | None:
    """Return what a text is: a pointer, a page, a message."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = head[: 1 << 12].decode(
            "utf-16" if wide else "utf-8-sig", errors="strict" if len(head) < 1 << 12 else "ignore"
        )
    except UnicodeDecodeError:
        text = head[: 1 << 12].decode("latin-1") if b"\0" not in head else ""
        return _HTML if re.match(r"(?i)\s*(<!doctype html|<html\b)", text) else None
    if re.search(r"[^\x09-\x0d\x20-\x7e\x80-\U0010ffff]", text):
        return None
    text = re.sub(r"\A(\s|<!--(?s:.*?)-->)+", "", text)
    for pattern, kind in _TEXTS:
        if re.match(pattern, text):
            return kind
    if _plain_pickle(text):
        return None
    return _json(head) or _prose(text)


def _json(head: bytes) -> Kind | None:
    if head.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        held = json.loads(head) if len(head) < HEAD else None
    except (ValueError, RecursionError):
        held = None
    error = isinstance(held, dict) and {"error", "message"} & held.keys() and len(held) < 6
    return Kind("error", "a server's error message (JSON)", "stray", _AGAIN) if error else Kind("json", "a JSON text")


def _prose(text: str) -> Kind | None:
    first = text.strip().partition("\n")[0][:60]
    if re.match(r"P[1-7]\s", text):  # a plain PNM
        return None
    return Kind("text", f"a text that begins {first!r}" if first else "a text of blanks", "stray")


def _plain_pickle(text: str) -> bool:
    return re.match(r"(\(?[dlt]p?\d|c[\w.]+\n\w+\n|\(i?[\w.]+\n\w+\n)", text) is not None


def _pickle(head: bytes) -> Kind | None:
    binary = (head[:1] == b"\x80" and head[1:2] <= b"\x05") or re.match(rb"[\]}(]+q\0|\(?c[\w.]+\n\w+\n", head)
    if not binary and not _plain_pickle(head[:200].decode("latin-1")):
        return None
    numbers, names, texts = _opcodes(head)
    if _LEGACY_MAGIC in numbers and not any(name.startswith("torch_utils") for name in names):
        return _ROSINALITY if {"g_ema", "latent_avg"} & texts else TORCH
    for pattern, kind in _PICKLED:
        if any(re.search(pattern, name) for name in names):
            return _ROSINALITY if kind is TORCH and {"g_ema", "latent_avg"} & texts else kind
    return PICKLE


def _opcodes(head: bytes) -> tuple[set[int], list[str], set[str]]:
    """Return the numbers, the names of classes and functions as "module name", and the texts a pickle spells."""
    numbers: set[int] = set()
    names: list[str] = []
    texts: list[str] = []
    for code, value in islice(_spelled(head), _OPCODES):
        if isinstance(value, str):
            names.extend([value] if code in ("GLOBAL", "INST") else [])
            texts.append(value[:100])
        elif isinstance(value, int):
            numbers.add(value)
        elif code == "STACK_GLOBAL":
            names.append(" ".join(texts[-2:]))
    return numbers, names, set(texts)


def _spelled(head: bytes) -> Iterator[tuple[str, object]]:
    stream = io.BytesIO(head)
    try:
        for _ in range(_PICKLES):
            for code, value, _ in pickletools.genops(stream):
                yield code.name, value
    except Exception:  # the head ends within, or it is no pickle after all
        return


def _pnm(head: bytes) -> Kind | None:
    if re.match(rb"P[1-7]\s", head):
        return Kind("pnm", "a PNM image", "image")
    is_bmp = head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)
    return Kind("bmp", "a BMP image", "image") if is_bmp else None


def _named(head: bytes, name: str) -> Kind | None:
    """Return what has no mark of its own by the name of its file, and what a name cannot hide."""
    if re.match(rb"\x08[\x01-\x14]\x12.[\x20-\x7e]", head, re.DOTALL) and not name.lower().endswith(".pb"):
        return _NAMES[0][1]
    if head[:2] == b"MZ" and b"PE\0\0" in head[:1024]:
        return Kind("program", "a Windows program")
    if not any(head):
        return Kind("zeros", "nothing but zeros", "stray", _AGAIN)
    return next((kind for pattern, kind in _NAMES if re.search(pattern, name.lower())), None)
