"""Our paired metrics against other libraries: value and time on the same photos, in one process.

    python benchmarks/metrics_paired.py [--data FOLDER] [--threads 2] [--images 16] [--rounds 7]

FOLDER holds photos of one size (others are passed over); without it, $GEXBENCH_DATA/monet2photo/testB. Each photo is
compared with itself shrunk and enlarged four times. Every library is called in each way that may be its fastest; in
each round all ways take turns, and the table shows medians per pair. LPIPS runs on the first two photos for at most
three rounds, with our weights in the lpips package's network; other libraries' LPIPS would download its own. Libraries
that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AssetCard
from gexbench.core.images import crop_to_multiple, downscale_8bit, read_image, round_8bit, to_uint8, upscale
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import AssetMissing
from gexbench.metrics.lpips import Lpips
from gexbench.metrics.ms_ssim import ms_ssim
from gexbench.metrics.pixel import psnr, ssim

SCALE = 4
LPIPS_IMAGES = 2
LPIPS_ROUNDS = 3
Pair = tuple[Tensor, Tensor]
Call = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One way to call one library beside ours: mean values over the pairs, median seconds for one pair."""

    metric: str
    library: str
    theirs: float
    ours: float
    seconds_theirs: float
    seconds_ours: float


@dataclass(frozen=True)
class Race:
    """Ours and the others, each a call that measures all of `count` pairs."""

    metric: str
    count: int
    ours: Call
    others: Mapping[str, Call]


def races(images: Sequence[Tensor], rounds: int = 7) -> list[Row]:
    """Race all paired metrics on photos of one size, each (3,H,W) with sides above 160 that are multiples of 4."""
    pairs = [(round_8bit(upscale(downscale_8bit(image, SCALE), SCALE)), image) for image in images]
    found = [(race, rounds) for race in (_psnr(pairs), _ssim(pairs), _ms_ssim(pairs))]
    found += [(race, min(rounds, LPIPS_ROUNDS)) for race in _lpips(pairs[:LPIPS_IMAGES])]
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [row for race, repeats in found for row in _run(race, repeats)]


def _run(race: Race, rounds: int) -> Iterator[Row]:
    calls = {"": race.ours, **race.others}
    values = {name: call() for name, call in calls.items()}  # warms up, too
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append((time.perf_counter() - start) / race.count)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    for name in race.others:
        yield Row(race.metric, name, values[name], values[""], median[name], median[""])


def _each(distance: Callable[[Any, Any], Any], pairs: Sequence[tuple[Any, Any]]) -> Call:
    return lambda: math.fsum(float(distance(a, b)) for a, b in pairs) / len(pairs)


def _both(name: str, distance: Callable[[Tensor, Tensor], Tensor], pairs: Sequence[Pair]) -> dict[str, Call]:
    """Return a torch library's two ways: pair by pair and all pairs in one batch."""
    alone = [(a[None], b[None]) for a, b in pairs]
    together = [(torch.cat([a for a, _ in alone]), torch.cat([b for _, b in alone]))]
    return {f"{name}, singly": _each(distance, alone), f"{name}, batch": _each(distance, together)}


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: skipped", file=sys.stderr)
        return None


def _arrays(pairs: Sequence[Pair]) -> dict[str, tuple[list[tuple[Any, Any]], float]]:
    """Return the pairs as (H,W,3) arrays of each type scikit-image has a path for, with their range."""
    kinds: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
        "uint8": (to_uint8, 255.0),
        "float32": (Tensor.float, 1.0),
        "float64": (Tensor.double, 1.0),
    }
    arrays = {}
    for kind, (cast, span) in kinds.items():
        planes_last = [[cast(x).permute(1, 2, 0).contiguous().numpy() for x in pair] for pair in pairs]
        arrays[kind] = ([(a, b) for a, b in planes_last], span)
    return arrays


def _psnr(pairs: Sequence[Pair]) -> Race:
    others: dict[str, Call] = {}
    if library := _installed("skimage.metrics"):
        for kind, (arrays, span) in _arrays(pairs).items():
            others[f"scikit-image, {kind}"] = _each(partial(library.peak_signal_noise_ratio, data_range=span), arrays)
    if library := _installed("torchmetrics.functional.image"):
        call = partial(library.peak_signal_noise_ratio, data_range=1.0, dim=(1, 2, 3))
        others |= _both("torchmetrics", call, pairs)
    if library := _installed("piq"):
        others |= _both("piq", library.psnr, pairs)
    return Race("psnr", len(pairs), _each(psnr, pairs), others)


def _ssim(pairs: Sequence[Pair]) -> Race:
    others: dict[str, Call] = {}
    if library := _installed("skimage.metrics"):
        window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}
        for kind, (arrays, span) in _arrays(pairs).items():
            call = partial(library.structural_similarity, data_range=span, **window)
            others[f"scikit-image, {kind}"] = _each(call, arrays)
    if library := _installed("torchmetrics.functional.image"):
        call = partial(library.structural_similarity_index_measure, sigma=1.5, data_range=1.0)
        others |= _both("torchmetrics", call, pairs)
    if library := _installed("piq"):
        others |= _both("piq", partial(library.ssim, downsample=False), pairs)
    if library := _installed("pytorch_msssim"):
        others |= _both("pytorch-msssim", partial(library.ssim, data_range=1.0), pairs)
    return Race("ssim", len(pairs), _each(ssim, pairs), others)


def _ms_ssim(pairs: Sequence[Pair]) -> Race:
    others: dict[str, Call] = {}
    if library := _installed("torchmetrics.functional.image"):
        call = partial(library.multiscale_structural_similarity_index_measure, sigma=1.5, data_range=1.0)
        others |= _both("torchmetrics", call, pairs)
    if library := _installed("piq"):
        others |= _both("piq", library.multi_scale_ssim, pairs)
    if library := _installed("pytorch_msssim"):
        others |= _both("pytorch-msssim", partial(library.ms_ssim, data_range=1.0), pairs)
    return Race("ms-ssim", len(pairs), _each(ms_ssim, pairs), others)


def _lpips(pairs: Sequence[Pair]) -> Iterator[Race]:
    for net in ("alex", "vgg"):
        name = f"lpips-{net}"
        try:
            weights = AssetStore().path(Catalog.load().get(AssetCard, name))
        except AssetMissing as error:
            print(f"{name}: {error}; skipped ({error.hint})", file=sys.stderr)
            continue
        others = _both("lpips", _lpips_package(net, weights), pairs)
        yield Race(name, len(pairs), _each(Lpips({}, {name: weights}).distance, pairs), others)


def _lpips_package(net: str, weights: Path) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the mean distance of the lpips package's own network with the weights of our asset."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = importlib.import_module("lpips").LPIPS(pretrained=False, pnet_rand=True, net=net, verbose=False)
    ours = load_file(weights)
    trunk = theirs.net.state_dict()
    trunk = {key: ours[f"features.{key.split('.', 1)[1]}"] for key in trunk}
    theirs.net.load_state_dict(trunk, strict=True)
    for k, head in enumerate(theirs.lins):
        head.model[-1].weight.data.copy_(ours[f"lins.{k}.weight"])
    theirs.eval()
    return lambda a, b: theirs(a, b, normalize=True).mean()


def photos(folder: Path, count: int) -> list[Tensor]:
    """Return the first photos of a folder that have the first one's size, cut to multiples of 4."""
    found: list[Tensor] = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png")):
        image = crop_to_multiple(read_image(path), SCALE)
        if not found or image.shape == found[0].shape:
            found.append(image)
        if len(found) == count:
            break
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if not (arguments.data or os.environ.get("GEXBENCH_DATA")):
        parser.error("say --data FOLDER, a folder of photos of one size, or set GEXBENCH_DATA")
    torch.set_num_threads(arguments.threads)
    folder = arguments.data or Path(os.environ["GEXBENCH_DATA"]) / "monet2photo" / "testB"
    images = photos(folder, arguments.images)
    if not images:
        parser.error(f"{folder} holds no photos")
    height, width = images[0].shape[-2:]
    print(f"{len(images)} pairs of {height}x{width}, {arguments.threads} threads, milliseconds for a pair")
    head = ("theirs", "ours", "difference", "ms theirs", "ms ours", "ratio")
    print(f"{'metric':10} {'library':24}" + "".join(f"{word:>13}" for word in head))
    for row in races(images, arguments.rounds):
        print(
            f"{row.metric:10} {row.library:24}{row.theirs:13.8f}{row.ours:13.8f}{row.theirs - row.ours:13.1e}"
            f"{1e3 * row.seconds_theirs:13.3f}{1e3 * row.seconds_ours:13.3f}"
            f"{row.seconds_theirs / row.seconds_ours:13.2f}"
        )


if __name__ == "__main__":
    main()
