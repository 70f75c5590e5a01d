"""Folders of small pictures, as users have them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image


def fill(folder: Path, count: int, side: int = 64, ending: str = ".png", name: str = "{:03}") -> Path:
    """Write pictures into a folder; no two are alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        path = folder / (name.format(i) + ending)
        seed = int.from_bytes(hashlib.sha256(str(path.relative_to(folder.parent)).encode()).digest()[:4])
        small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return folder
