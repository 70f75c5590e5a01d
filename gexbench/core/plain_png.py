"""PNG without compression: equal pixels are equal bytes, so a hash of the file is one of the pixels."""

from __future__ import annotations

import struct
import zlib

import torch
from torch import Tensor

_BLOCK = 0xFFFF


def plain_png(image: Tensor) -> bytes:
    """Return an image (3,H,W) uint8 as the bytes of a PNG file (ISO 15948; stored blocks of RFC 1951)."""
    _, height, width = image.shape
    rows = image.permute(1, 2, 0).reshape(height, 3 * width)
    unfiltered = torch.cat([torch.zeros(height, 1, dtype=torch.uint8), rows], dim=1).numpy().tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [_chunk(b"IHDR", header), _chunk(b"IDAT", _stored(unfiltered)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _stored(content: bytes) -> bytes:
    blocks = []
    for at in range(0, len(content), _BLOCK):
        part = content[at : at + _BLOCK]
        last = at + _BLOCK >= len(content)
        blocks.append(struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part)
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(content))
