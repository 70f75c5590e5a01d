"""Peak memory of `gexbench score --metric fid,kid` by the number of images; every count runs in a process of its own.

    python benchmarks/memory.py [--counts 5000,50000] [--distinct 2000] [--extractor stub|inception-clean]

With `inception-clean` the network is the real one, and a folder of `--counts` files holds `--distinct` different
images: the others are read, hashed, found in the cache, and counted in moments and kernels. With `stub` all images
differ, and a random projection to 2048 numbers stands in for the network, which would take hours; all else is the same.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import ExtractorCard
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import open_images
from gexbench.metrics.frechet import Frechet
from gexbench.metrics.mmd import Mmd

SIDE = 16


class Stub:
    """A random projection of the pixels, rectified."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._weight = torch.randn(3 * SIDE * SIDE, 2048, generator=torch.Generator().manual_seed(0))

    def to(self, device: str) -> Stub:
        """Stay on the CPU."""
        return self

    def prepare(self, image: Tensor) -> Tensor:
        """Return the pixels in [0,1]."""
        return image.flatten().float() / 255.0

    def features(self, batch: Tensor) -> Tensor:
        """Return (N,2048)."""
        return (batch @ self._weight).relu_()


def fill(folder: Path, count: int, distinct: int, seed: int) -> None:
    """Write `count` small PNGs of noise, of which `distinct` differ."""
    noise = np.random.default_rng(seed)
    for index in range(min(count, distinct)):
        pixels = noise.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:06}.png", compress_level=1)
    for index in range(distinct, count):
        (folder / f"{index:06}.png").hardlink_to(folder / f"{index % distinct:06}.png")


def child(images: Path, reference: Path, extractor: str) -> None:
    """Score two folders and print the peak memory in bytes."""
    catalog = Catalog.load()
    card = catalog.get(ExtractorCard, "inception-clean")
    if extractor == "stub":
        card = card.model_copy(update={"name": "stub", "entry": "__main__:Stub", "assets": (), "settings": {}})
    with tempfile.TemporaryDirectory() as cache:
        collector = Collector(catalog, "cpu", Path(cache))
        sides = [collector.collect(card, open_images(folder), lambda *_: None) for folder in (images, reference)]
        fid, floor = Frechet({}, {}).measure(*sides), Frechet({}, {}).measure(*sides[1].halves())
        kid = Mmd({}, {}).measure(*sides)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{peak} {fid:.5f} {floor:.5f} {kid:.6f}")


def main() -> None:
    """Print a line a count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="5000,50000")
    parser.add_argument("--distinct", type=int, default=2000)
    parser.add_argument("--extractor", default="stub", choices=("stub", "inception-clean"))
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(*arguments.child, arguments.extractor)
        return
    for count in map(int, arguments.counts.split(",")):
        distinct = count if arguments.extractor == "stub" else arguments.distinct
        with tempfile.TemporaryDirectory() as folder:
            sides = [Path(folder) / name for name in ("images", "reference")]
            for seed, side in enumerate(sides):
                side.mkdir()
                fill(side, count, distinct, seed)
            words = [sys.executable, __file__, "--extractor", arguments.extractor, "--child", *map(str, sides)]
            start = time.perf_counter()
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            peak, *values = done.stdout.split()
            what = f"{count} images a side ({distinct} distinct), {arguments.extractor}"
            seconds = time.perf_counter() - start
            print(f"{what}: peak {int(peak) / 2**20:.0f} MiB, {seconds:.0f} s, fid, floor, kid {' '.join(values)}")


if __name__ == "__main__":
    main()
