"""What marks have in common: chance and hashes drawn from a key, and how sure a claim is."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from gexbench.core.images import to_uint8
from gexbench.errors import GexbenchError

KEY_BYTES = 32
LEAST_P = 1e-300
"""No p is told to be smaller: beyond it floats end."""


def keyed_digest(key: bytes, content: bytes) -> bytes:
    """Return HMAC-SHA256, 32 bytes; raises GexbenchError on a key that is not 32 bytes long."""
    if len(key) != KEY_BYTES:
        raise GexbenchError(f"a key of {len(key)} bytes is refused", f"a defense's key is {KEY_BYTES} bytes long")
    return hmac.digest(key, content, hashlib.sha256)


def keyed_chance(key: bytes, use: str) -> np.random.Generator:
    """Return a generator that hangs on all of the key and on `use`, so that uses do not share draws.

    NumPy's, for torch's takes 32 bits of a seed on a CPU, which can be tried out. Raises as `keyed_digest`.
    """
    return np.random.default_rng(int.from_bytes(keyed_digest(key, use.encode())))


def question_digest(key: bytes, question: Tensor) -> bytes:
    """Return the keyed digest of a question (3,h,w) float32 in [0,1], of its size and its 8-bit pixels."""
    height, width = question.shape[-2:]
    pixels = to_uint8(question).cpu().contiguous().numpy().tobytes()
    return keyed_digest(key, f"question {height}x{width} ".encode() + pixels)


def matched(outputs: Sequence[Tensor], plain: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield a suspect's answers with the victim's; raises GexbenchError where they are not as many, or as large."""
    if len(outputs) != len(plain) or not len(plain):
        told = f"a suspect gave {len(outputs)} answers, the victim {len(plain)}"
        raise GexbenchError(told, "a claim holds as many against each other, one at least")
    for number, (output, answer) in enumerate(zip(outputs, plain, strict=True)):
        if output.shape != answer.shape:
            told = f"answer {number} of a suspect is {tuple(output.shape)}, the victim's {tuple(answer.shape)}"
            raise GexbenchError(told, "a suspect answers in the victim's size")
        yield output.cpu(), answer.cpu()


def normal_tail(z: float) -> float:
    """Return how likely a standard normal number is to be z or more; never below LEAST_P."""
    return max(0.5 * math.erfc(z / math.sqrt(2.0)), LEAST_P)
