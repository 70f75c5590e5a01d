"""Cheap stand-ins for features: a tiny extractor, a registry that names it, random Inception weights, image files."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import CardRoot
from gexbench.cards.schema import ExtractorCard

NET = b"the weights of no network"
NET_SHA256 = hashlib.sha256(NET).hexdigest()
CARDS = {
    "extractors/colours": """
        name = "colours"
        version = 3
        summary = "Means and spreads of the colours."
        entry = "feature_factory:Colours"
        width = 6
        preprocessing = "as it is"
        assets = ["colour-net"]
        source = "a test"
        settings = { resize = "none" }
    """,
    "assets/colour-net": f"""
        name = "colour-net"
        summary = "Nothing."
        sources = ["https://127.0.0.1:1/net"]
        sha256 = "{NET_SHA256}"
        size = {len(NET)}
        licence = "CC0"
        result_sha256 = "{NET_SHA256}"
    """,
    "assets/lpips-alex": f"""
        name = "lpips-alex"
        summary = "Nothing either."
        sources = ["https://127.0.0.1:1/net"]
        sha256 = "{"0" * 64}"
        size = 1
        licence = "CC0"
        result_sha256 = "{"0" * 64}"
    """,
}
_METRIC = """
    name = "{name}"
    version = 2
    summary = "A metric."
    entry = "gexbench.metrics.{entry}"
    unit = "{unit}"
    higher_is_better = false
    tolerance = 0.1
    source = "a test"
    {more}
"""
_SETS = 'paired = false\nfeatures = "colours"\npreprocessing = "all rows"\n'
METRICS = {
    "fid": ("frechet:Frechet", _SETS + 'floor = true\nsettings = { precision = "float64 on colours" }'),
    "fid-bf16": ("frechet:Frechet", _SETS),
    "kid": ("mmd:Mmd", _SETS),
    "kid-100": ("kernel:Kid", _SETS + "settings = { subsets = 2, subset_size = 100 }"),
    "alone": ("kinds:Kinds", _SETS + 'against = "nothing"'),
    "kept": ("memory:Memorisation", _SETS + 'against = "queried"\nsettings = { least = 4 }'),
    "psnr-rgb": ("pixel:Psnr", 'preprocessing = "8 bits"\nsettings = { space = "rgb" }'),
    "lpips-alex": ("lpips:Lpips", 'preprocessing = "none"\nassets = ["lpips-alex"]'),
}


class Colours:
    """Means and standard deviations of three planes: (6,) an image; `batches` holds the size of each batch."""

    batches: ClassVar[list[int]] = []

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        assert assets["colour-net"].read_bytes() == NET

    def prepare(self, image: Tensor) -> Tensor:
        """Return the six numbers, which is all that is left to `features`."""
        planes = image.double().flatten(1)
        return torch.cat([planes.mean(dim=1), planes.std(dim=1, correction=0)])

    def features(self, batch: Tensor) -> Tensor:
        """Return the numbers as rows; black images have none."""
        self.batches.append(len(batch))
        rows = batch.float()
        rows[rows.sum(dim=1) == 0] = torch.nan
        return rows

    def to(self, device: str) -> Colours:
        """Stay where it is."""
        return self


class SmallMemory(Colours):
    """Colours on a device that holds two images."""

    def features(self, batch: Tensor) -> Tensor:
        """Return the rows of one or two images."""
        if len(batch) > 2:
            raise torch.OutOfMemoryError(f"{len(batch)} images")
        return super().features(batch)


class NoMemory(Colours):
    """Colours on a device that holds nothing."""

    def features(self, batch: Tensor) -> Tensor:
        """Raise."""
        raise torch.OutOfMemoryError("not one image")


def write_registry(folder: Path) -> Catalog:
    """Write cards of the tiny extractor and of metrics on it, and return the catalog."""
    metrics = {
        f"metrics/{name}": _METRIC.format(name=name, entry=entry, unit="dB" if "psnr" in name else "1", more=more)
        for name, (entry, more) in METRICS.items()
    }
    for name, text in (CARDS | metrics).items():
        path = folder / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Catalog((CardRoot(folder, "test", outside=False),))


def write_net(home: Path) -> None:
    """Put the tiny extractor's weights below GEXBENCH_HOME."""
    (home / "assets").mkdir(parents=True, exist_ok=True)
    (home / "assets" / "colour-net.safetensors").write_bytes(NET)


def extractor_card(catalog: Catalog, **changes: object) -> ExtractorCard:
    """Return the tiny extractor's card with some fields changed."""
    return catalog.get(ExtractorCard, "colours").model_copy(update=changes)


def noise(seed: int, height: int = 6, width: int = 5) -> Tensor:
    """Return a random image (3,H,W) uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


def encoded(image: Tensor, format: str = "PNG") -> bytes:
    """Return an image as the bytes of a file."""
    held = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy())).save(held, format)
    return held.getvalue()


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a zip and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def photos(count: int, first: int = 0) -> dict[str, bytes]:
    """Return random images as PNG files by name: `first` is the first one's seed."""
    return {f"{seed:04}.png": encoded(noise(seed)) for seed in range(first, first + count)}


def quiet(what: str, done: int, total: int) -> None:
    """Show no progress."""
