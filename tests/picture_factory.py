"""Pictures held in memory, as the files of a data set are read."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Stored:
    """A picture held in memory."""

    name: str
    pixels: np.ndarray

    def read(self) -> bytes:
        held = io.BytesIO()
        Image.fromarray(self.pixels).save(held, "PNG")
        return held.getvalue()


def picture(name: str, height: int = 16, width: int = 16) -> Stored:
    return Stored(name, np.random.default_rng(len(name)).integers(0, 256, (height, width, 3), dtype=np.uint8))
