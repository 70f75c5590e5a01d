"""What a valid question is, and what makes two the same."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gexbench.errors import QueryError

SMALLEST, LARGEST = 8, 4096
NARROWEST = 16
"""The shortest side where the service counts pixels: less cannot be compared with the test, see kinds/near_copies."""
BYTES_AT_ONCE = 1 << 28
"""The largest question, and the largest answer."""
LONGEST_LATENT = 1 << 14


def question_digest(shape: Sequence[int], pixels: bytes) -> bytes:
    """Return the SHA-256 that makes two questions the same: shape and 8-bit pixels."""
    return hashlib.sha256(repr(tuple(shape)).encode() + pixels).digest()


def checked(x: Tensor) -> Tensor:
    """Return x when it is a batch of float images in [0,1]; raises QueryError naming what it is instead."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise QueryError(
            f"a question is a float tensor in [0,1], not {kind}", "use images as the brief's pool gives them"
        )
    if len(x.shape) != 4 or x.shape[1] != 3:
        raise QueryError(f"a question is a batch (N,3,h,w), not {tuple(x.shape)}", "add a batch dimension with x[None]")
    if x.numel() > BYTES_AT_ONCE:
        raise QueryError(
            f"a question of {len(x)} images is too large", f"ask at most {BYTES_AT_ONCE >> 20} MiB at once"
        )
    if (
        not bool(torch.isfinite(x).all())
        or float(x.amin() if x.numel() else 0) < 0
        or float(x.amax() if x.numel() else 0) > 1
    ):
        raise QueryError("a question holds values outside [0,1] or NaN", "clamp it to [0,1]")
    return x


def check_answer(images: int, shape: Sequence[int]) -> None:
    """Raise QueryError where the answers to one batch, 8-bit images of a shape, are more than one message holds."""
    each = math.prod(shape)
    if images * each > BYTES_AT_ONCE:
        most = BYTES_AT_ONCE // each
        raise QueryError(f"the answers to {images} such images are too much at once", f"ask for {most} at a time")


def check_count(n: int, side: int) -> None:
    """Raise QueryError unless n is a whole number of images, at least 1 and not more than one answer holds."""
    most = BYTES_AT_ONCE // (3 * side * side)
    if type(n) is not int or not 1 <= n <= most:
        raise QueryError(f"cannot draw {n!r} images at once", f"ask for a whole number of images, 1 to {most}")


def check_question(x: Tensor, side: int | None = None, largest: int | None = None) -> None:
    """Raise QueryError unless x is (N,3,h,w) uint8, N at least 1, sides what the service takes.

    largest: the most pixels of one image; a mosaic of many images would count as one.
    """
    if x.dtype != torch.uint8 or len(x.shape) != 4 or x.shape[1] != 3 or x.shape[0] < 1:
        raise QueryError(
            f"a question is a batch (N,3,h,w) of images, not {tuple(x.shape)} {x.dtype}", "ask at least one image"
        )
    if min(x.shape[2:]) < SMALLEST or max(x.shape[2:]) > LARGEST:
        raise QueryError(
            f"images of {x.shape[3]}x{x.shape[2]} px; the service takes sides of {SMALLEST} to {LARGEST}", "resize"
        )
    if side is not None and tuple(x.shape[2:]) != (side, side):
        raise QueryError(
            f"images of {x.shape[3]}x{x.shape[2]} px; the service takes {side}x{side}", "ask with images of the pool"
        )
    height, width = x.shape[2:]
    if largest is not None and (height * width > largest or min(height, width) < NARROWEST):
        raise QueryError(
            f"images of {width}x{height} px; the service takes up to {largest} pixels a question, and no side under "
            f"{NARROWEST}",
            "ask with images of the pool",
        )
