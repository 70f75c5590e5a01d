"""Our metrics against other libraries on the same images in one process: value, difference, time, ratio.

    python benchmarks/metrics.py [--data FOLDER] [--images 1000] [--device cpu]
                                 [--parts features,bf16,distances,frechet,paired]

FOLDER (default $GEXBENCH_DATA) is laid out as the data sets of that name: monet2photo/trainA against monet2photo/trainB
and pool; frechet also takes landscape_paintings and cifar10, since a covariance of 2048 features wants more images.

features    Inception features from image files, by each library's own loop with our weights: images a second, the
            largest difference of a feature row relative to its length, and FID from each library's own features
bf16        the bfloat16 extractor against the float32 one
distances   each library's own distance on the very same rows of features
frechet     the Frechet distance at 2048 dimensions from full-rank moments
paired      PSNR, SSIM, MS-SSIM, LPIPS, see metrics_paired.py

Weights must be here (gexbench assets fetch fid-inception lpips-alex lpips-vgg); libraries that are not installed are
named and left out (pip install "gexbench[bench]"). The first part takes minutes for each library.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import metrics_paired
import numpy as np
import rivals
import scipy.linalg
import torch
from metrics_paired import Row
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import ExtractorCard
from gexbench.core.features import Moments, Rows
from gexbench.engine.machine import hardware
from gexbench.engine.scoring.clean_fid import torchvision_state
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import FolderImages, ImageSet, TensorImages, ZipImages
from gexbench.metrics.frechet import frechet_distance, frechet_low_rank
from gexbench.metrics.kernel import Kid, mean_mmd2
from gexbench.nets.inception import Inception

T = TypeVar("T")
FULL_RANK, TURN = 2300, 200


class Files(FolderImages):
    """The first image files of a list."""

    def __init__(self, files: Sequence[str]) -> None:
        self._folder = Path("/")
        self.names = [file.removeprefix("/") for file in files]


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """Return what a call gives, and its seconds."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def silent(what: str, done: int, total: int) -> None:
    """Show no progress."""


class Ours:
    """Our features by one extractor, warm, nothing kept on the disk for later."""

    def __init__(self, name: str, device: str) -> None:
        catalog = Catalog.load()
        self._card, self._collector = catalog.get(ExtractorCard, name), Collector(catalog, device)
        self.rows(TensorImages([torch.full((3, 8, 8), level, dtype=torch.uint8) for level in range(16)]))

    def rows(self, images: ImageSet) -> Tensor:
        """Return a row an image, in the order of the files."""
        return self._collector.collect(self._card, images, silent).in_order()


def floor() -> str:
    """Say what the network costs by direct convolution, and what these cores' matrix product would make of it."""
    net, side = Inception(rivals.weights()).bfloat16(), 3000
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, 3, 299, 299, dtype=torch.bfloat16))
    matrix = torch.randn(side, side)
    _, seconds = best(lambda: matrix @ matrix)
    each, rate = counter.get_total_flops() / 1e9, 2e-9 * side**3 / seconds
    return f"{each:.2f} GFLOP an image; a float32 matrix product does {rate:.0f} GFLOP/s: {rate / each:.1f} images/s"


@dataclass(frozen=True)
class Runner:
    """A library's way from image files to rows, and the extractor of ours that has its resize rule."""

    library: str
    extractor: str
    run: Callable[[Sequence[str]], Tensor]


def runners(device: str, folder: Path) -> Iterator[Runner]:
    """Yield the libraries that are installed."""
    target = torch.device("cuda:0" if device == "cuda" else "cpu")
    state = torchvision_state(rivals.weights())
    if rivals.module("cleanfid"):
        clean = rivals.CleanFidNet(folder).to(target)
        run = partial(rivals.clean_fid, device=target, net=clean, workers=hardware.cores())
        yield Runner("clean-fid", "inception-clean", run)
    if rivals.module("pytorch_fid"):
        run = partial(rivals.pytorch_fid, device=target, net=rivals.pytorch_fid_net(state, target))
        yield Runner("pytorch-fid", "inception-legacy-pytorch", run)
    if rivals.module("torch_fidelity"):
        run = partial(rivals.torch_fidelity, device=target, net=rivals.torch_fidelity_net(state, target))
        yield Runner("torch-fidelity", "inception-legacy-tf", run)


def features(sides: Sequence[Sequence[str]], device: str, libraries: str) -> Iterator[str]:
    """Race the libraries from image files to features; yields lines of the table."""
    head = ("images/s", "ours", "ratio", "rows differ", "FID", "ours", "difference")
    yield f"{'library':22}{'ours':26}" + "".join(f"{word:>12}" for word in head)
    with tempfile.TemporaryDirectory() as folder:
        for runner in runners(device, Path(folder)):
            if runner.library in libraries.split(","):
                yield race(runner, sides, device)


def race(runner: Runner, sides: Sequence[Sequence[str]], device: str) -> str:
    """Run a library and ours in turns, some files each, so that a busy machine slows both; returns the table's line."""
    seconds, rows = {"theirs": 0.0, "ours": 0.0}, {"theirs": [[], []], "ours": [[], []]}
    mine = Ours(runner.extractor, device)
    ways = {"theirs": runner.run, "ours": lambda files: mine.rows(Files(files))}
    runner.run(sides[0][:TURN])
    for which, side in enumerate(sides):
        for start in range(0, len(side), TURN):
            for who, run in ways.items():
                found, spent = timed(partial(run, side[start : start + TURN]))
                rows[who][which].append(found)
                seconds[who] += spent
    theirs, ours = ([torch.cat(parts) for parts in rows[who]] for who in ways)
    count = sum(map(len, sides))
    apart = max(float(((a - b).norm(dim=1) / a.norm(dim=1)).max()) for a, b in zip(theirs, ours, strict=True))
    there, here = (frechet_low_rank(Rows(a), Rows(b)) for a, b in (theirs, ours))
    return (
        f"{runner.library:22}{runner.extractor:26}{count / seconds['theirs']:12.2f}"
        f"{count / seconds['ours']:12.2f}{seconds['theirs'] / seconds['ours']:12.2f}"
        f"{apart:12.1e}{there:12.5f}{here:12.5f}{there - here:12.1e}"
    )


def low_precision(sides: Sequence[Sequence[str]], device: str, rows: dict[str, list[Tensor]]) -> Iterator[str]:
    """Compare the bfloat16 extractor with the float32 one on the same files; fills `rows` and yields lines."""
    seconds = {"inception-clean": 0.0, "inception-clean-bf16": 0.0}
    for name in seconds:
        mine, rows[name] = Ours(name, device), []
        for side in sides:
            found, spent = timed(partial(mine.rows, Files(side)))
            rows[name].append(found)
            seconds[name] += spent
    exact, rough = (torch.cat(found) for found in rows.values())
    apart = (exact - rough).norm(dim=1) / exact.norm(dim=1)
    yield f"a row differs by {float(apart.median()):.4f} of its length in the median, {float(apart.max()):.4f} at most"
    for name, (a, b) in rows.items():
        size = min(len(a), len(b), 1000)
        fid, kid = frechet_low_rank(Rows(a), Rows(b)), Kid({"subset_size": size}, {}).measure(Rows(a), Rows(b))
        speed = sum(map(len, sides)) / seconds[name]
        yield f"{name:22} {speed:8.2f} images/s   FID {fid:10.4f}   KID (subsets of {size}) {kid:.6f}"
    for which, side in enumerate(("paintings", "photos")):
        pair = [Rows(found[which]) for found in rows.values()]
        yield f"FID of {side} against themselves, float32 against bfloat16: {frechet_low_rank(*pair):.4f}"


def sqrtm_distance(a: Moments, b: Moments) -> float:
    """Return the Frechet distance by SciPy's matrix square root, as clean-fid and pytorch-fid compute it."""
    first, second = a.covariance().numpy(), b.covariance().numpy()
    root = scipy.linalg.sqrtm(first @ second)
    shift = (a.mean - b.mean).numpy()
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2.0 * np.trace(root.real))


def frechet(a: Rows, b: Rows) -> Iterator[Row]:
    """Race the Frechet distance on full-rank moments."""
    moments = a.moments, b.moments
    ours, own = best(lambda: frechet_distance(*moments))
    theirs, seconds = timed(lambda: sqrtm_distance(*moments))
    yield Row("frechet", "clean-fid (sqrtm)", theirs, ours, seconds, own)
    if rivals.module("torch_fidelity"):
        from torch_fidelity.metric_fid import fid_statistics_to_metric

        stats = [{"mu": m.mean.numpy(), "sigma": m.covariance().numpy()} for m in moments]
        found, seconds = timed(lambda: fid_statistics_to_metric(*stats, False))
        yield Row("frechet", "torch-fidelity", next(iter(found.values())), ours, seconds, own)


def best(call: Callable[[], T], rounds: int = 3) -> tuple[T, float]:
    """Return what a call gives, and its least seconds after a first call."""
    value = call()
    return value, min(timed(call)[1] for _ in range(rounds))


def distances(a: Tensor, b: Tensor) -> Iterator[Row]:
    """Race distances on the same rows of features."""
    left, right = Rows(a), Rows(b)
    ours, own = best(lambda: frechet_low_rank(left, right))
    moments = left.moments, right.moments
    theirs, seconds = timed(lambda: sqrtm_distance(*moments))
    yield Row("fid, few", "clean-fid (sqrtm)", theirs, ours, seconds, own)
    yield from kernel(a, b)
    yield from manifold(a, b)


def kernel(a: Tensor, b: Tensor) -> Iterator[Row]:
    """Race KID with 100 subsets of 1000, or of as many as there are; the values are of each library's own subsets."""
    size = min(len(a), len(b), 1000)
    left, right = Rows(a), Rows(b)
    ours, own = best(lambda: Kid({"subset_size": size}, {}).measure(left, right))
    if library := rivals.module("cleanfid.fid"):
        drawn: list[np.ndarray] = []
        choice = np.random.RandomState(0).choice

        def draw(count: int, number: int, replace: bool) -> np.ndarray:
            drawn.append(choice(count, number, replace=replace))
            return drawn[-1]

        original, np.random.choice = np.random.choice, draw
        try:
            theirs, seconds = timed(lambda: library.kernel_distance(a.numpy(), b.numpy(), max_subset_size=size))
        finally:
            np.random.choice = original
        second, first = (torch.from_numpy(np.stack(drawn[side::2])) for side in (0, 1))
        yield Row("kid, same subsets", "clean-fid", theirs, mean_mmd2(left, right, first, second), seconds, own)
    if library := rivals.module("torch_fidelity.metric_kid"):
        found, seconds = timed(
            lambda: library.kid_features_to_metric(a, b, kid_subsets=100, kid_subset_size=size, verbose=False)
        )
        yield Row("kid, own subsets", "torch-fidelity", next(iter(found.values())), ours, seconds, own)
    if library := rivals.module("piq"):
        kid = library.KID(n_subsets=100, subset_size=size)
        found, seconds = timed(lambda: float(kid.compute_metric(a, b)))
        yield Row("kid, own subsets", "piq", found, ours, seconds, own)


def manifold(a: Tensor, b: Tensor) -> Iterator[Row]:
    """Race precision, recall, density and coverage at each library's own number of neighbours."""
    from gexbench.cards.entry import load_entry
    from gexbench.cards.schema import MetricCard

    left, right, catalog = Rows(a), Rows(b), Catalog.load()

    def measured(name: str, neighbours: int) -> tuple[float, float]:
        card = catalog.get(MetricCard, name)
        metric = load_entry(card.entry)({**card.settings, "k": neighbours}, {})
        return best(lambda: float(metric.measure(left, right)), rounds=1)

    if library := rivals.module("torch_fidelity.metric_prc"):
        options = {"prc_neighborhood": 3, "prc_batch_size": 10000, "save_cpu_ram": False, "verbose": False}
        found, seconds = timed(lambda: library.prc_features_to_metric(a, b, **options))
        for name in ("precision", "recall"):
            ours, own = measured(name, 3)
            yield Row(f"{name}, k=3", "torch-fidelity", float(found[name]), ours, seconds / 2, own)
    if library := rivals.module("prdc"):
        found, seconds = timed(lambda: library.compute_prdc(b.numpy(), a.numpy(), 5))
        for name in ("precision", "recall", "density", "coverage"):
            ours, own = measured(name, 5)
            yield Row(f"{name}, k=5", "prdc", float(found[name]), ours, seconds / 4, own)


def table(rows: Iterator[Row] | Sequence[Row]) -> Iterator[str]:
    """Yield the rows as lines, after a heading."""
    head = ("theirs", "ours", "difference", "s theirs", "s ours", "ratio")
    yield f"{'metric':18} {'library':24}" + "".join(f"{word:>14}" for word in head)
    for row in rows:
        yield (
            f"{row.metric:18} {row.library:24}{row.theirs:14.8f}{row.ours:14.8f}{row.theirs - row.ours:14.1e}"
            f"{row.seconds_theirs:14.4f}{row.seconds_ours:14.4f}{row.seconds_theirs / row.seconds_ours:14.2f}"
        )


def sides_of(data: Path, count: int) -> list[list[str]]:
    """Return the first `count` files of paintings and of photos."""
    folders = [("trainA",), ("trainB", "pool")]
    found = [
        [str(p) for name in names for p in sorted((data / "monet2photo" / name).glob("*.jpg"))] for names in folders
    ]
    return [[str(Path(file).resolve()) for file in side[:count]] for side in found]


def full_rank(data: Path, device: str) -> list[Rows]:
    """Return clean features of more images than a row is long, a set of each of two zips."""
    places = (
        data / "landscape_paintings" / "landscape_paintings_64.zip",
        data / "cifar10" / "cifar10_subset_32.zip",
    )
    sets = []
    for place in places:
        images = ZipImages(place)
        images.names = images.names[:FULL_RANK]
        sets.append(Rows(Ours("inception-clean", device).rows(images)))
    return sets


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--libraries", default="clean-fid,pytorch-fid,torch-fidelity", help="for the part features")
    parser.add_argument("--parts", default="features,bf16,distances,frechet,paired")
    arguments = parser.parse_args()
    if not (arguments.data or os.environ.get("GEXBENCH_DATA")):
        parser.error("say --data FOLDER or set GEXBENCH_DATA")
    data, parts = arguments.data or Path(os.environ["GEXBENCH_DATA"]), arguments.parts.split(",")
    warnings.simplefilter("ignore")
    print(f"{hardware.processor()}, {hardware.cores()} cores, torch {torch.__version__}, {arguments.device}")
    sides, rows = sides_of(data, arguments.images), dict[str, list[Tensor]]()
    if "features" in parts:
        print(f"\nfeatures from {' + '.join(str(len(side)) for side in sides)} image files")
        print(floor())
        for line in features(sides, arguments.device, arguments.libraries):
            print(line, flush=True)
    if "bf16" in parts:
        print("\nbfloat16 against float32")
        for line in low_precision(sides, arguments.device, rows):
            print(line, flush=True)
    if "distances" in parts:
        if not rows:
            mine = Ours("inception-clean", arguments.device)
            rows["inception-clean"] = [mine.rows(Files(side)) for side in sides]
        a, b = rows["inception-clean"]
        print(f"\ndistances on the same {len(a)} and {len(b)} rows of 2048 features")
        for line in table(distances(a, b)):
            print(line, flush=True)
    if "frechet" in parts:
        print(f"\nFrechet distance from moments of {FULL_RANK} images a side")
        for line in table(frechet(*full_rank(data, arguments.device))):
            print(line, flush=True)
    if "paired" in parts:
        print("\npaired metrics, a pair of photos")
        photos = metrics_paired.photos(data / "monet2photo" / "testB", 16)
        for line in table(metrics_paired.races(photos)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
