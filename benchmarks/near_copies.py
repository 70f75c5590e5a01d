"""How near honest pools come to test inputs, which edits of test inputs are found as near copies, and what it takes.

    python benchmarks/near_copies.py [--datasets scenes-mini …] [--pools 300] [--first 0] [--edited 32]

Per data set: the distances of `--pools` fresh pools, from number `--first` on, drawn under other names or cropped from
the pool's photos by other seeds; of whole photos the pool itself; then, for each edit of a test input, the share that
is found. Where the service takes any side, what is edited is a piece of a test input of the pool's least side. Seconds
are of one core. The last line counts false alarms.

Measured: 109 pools of scenes-mini, 192 of faces-mini, 158 of photos-mini, 512 questions each, without one false alarm.
38 pools of faces and 25 of scenes were compared by an earlier state, which turned no tile and had SPREAD 0.12.
The nearest question lies at 6.5, 1.4 and 1.45, that of a median pool at 9.0, 2.2 and 2.6; a pool takes 1.4, 2.0 and
0.8 s. The pools of sr-small and selfie2anime-small come no nearer than 4.3 and 5.8. Found, in per cent:

    edit            scenes   faces  photos (pieces of 24 px)
    none               100     100      98
    1 pixel            100      97      80
    8 pixels           100      91      32
    brightness         100     100      98
    contrast / 4       100      91      93
    gamma 2            100      88      61
    gamma 0.5          100      97      88
    negative           100     100      98
    blur 1 px           88      94      46
    JPEG 75            100      88      83
    JPEG 30             50      56      71
    noise 0.02          94      88      80
    noise 0.05          19      47      66
    shift 1 px         100      91      85
    shift 5 px          97      81      85
    mirror             100     100      98
    upside down         84      84      83
    on its side         84      84      83
    zoom 5 %             0       0       7
    turned by 2°         0      28      24
    3/4 of a side       97     100      54
    half a side         56      84       0
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import DatasetCard, TaskCard
from gexbench.core.dataset import Dataset
from gexbench.core.images import to_uint8
from gexbench.engine.kinds.near_copies import TestInputs
from gexbench.engine.store import datasets

Edit = Callable[[Tensor], Tensor]


def opened(catalog: Catalog, card: DatasetCard) -> Dataset:
    """Return the data set of a card that may have been changed."""
    files = datasets.locate(card, catalog.filed(DatasetCard, card.name).pins)
    dataset: Dataset = load_entry(card.reader)(card.settings, files)
    return dataset


def pools(catalog: Catalog, card: DatasetCard, numbers: range) -> Iterator[Sequence[Tensor]]:
    """Yield honest pools: fresh ones where code draws or crops them, else the only one there is."""
    pool = card.splits.pool
    assert pool is not None
    for number in numbers:
        if pool.within == "code":
            files = tuple(name.replace("pool/", f"pool-{number}/") for name in pool.files)
            splits = card.splits.model_copy(update={"pool": pool.model_copy(update={"files": files})})
            yield opened(catalog, card.model_copy(update={"splits": splits})).pool().inputs
        elif "pool_crop" in card.settings:
            settings = {**card.settings, "seed": number}
            yield opened(catalog, card.model_copy(update={"settings": settings})).pool().inputs
        else:
            yield opened(catalog, card).pool().inputs
            return


def filtered(change: Callable[[Image.Image], Image.Image]) -> Edit:
    """Return a change of pictures as one of tensors (3,h,w) in [0,1]."""

    def edit(x: Tensor) -> Tensor:
        picture = Image.fromarray(to_uint8(x).permute(1, 2, 0).numpy())
        return torch.from_numpy(np.array(change(picture))).permute(2, 0, 1) / 255

    return edit


def jpeg(quality: int) -> Edit:
    """Return what saves as JPEG and reads again."""

    def change(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return filtered(change)


def noise(x: Tensor, deviation: float) -> Tensor:
    """Return an image with noise, the same each time."""
    return x + deviation * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def zoomed(x: Tensor, share: float) -> Tensor:
    """Return the middle of an image, enlarged to its size."""
    height, width = x.shape[-2:]
    top, left = round(height * share / 2), round(width * share / 2)
    middle = x[None, :, top : height - top, left : width - left]
    return F.interpolate(middle, size=(height, width), mode="bicubic", antialias=True)[0]


def pixels(x: Tensor, count: int) -> Tensor:
    """Return an image with some pixels inverted."""
    places = torch.randperm(x.shape[-1] * x.shape[-2], generator=torch.Generator().manual_seed(1))[:count]
    flat = x.flatten(1).clone()
    flat[:, places] = 1 - flat[:, places]
    return flat.view(x.shape)


def corner(x: Tensor, share: float) -> Tensor:
    """Return an image of which a corner is left, on grey."""
    height, width = (round(side * share) for side in x.shape[-2:])
    left = torch.full_like(x, 0.5)
    left[:, :height, :width] = x[:, :height, :width]
    return left


EDITS: dict[str, Edit] = {
    "none": lambda x: x,
    "1 pixel": lambda x: pixels(x, 1),
    "8 pixels": lambda x: pixels(x, 8),
    "brightness": lambda x: 0.1 + 0.8 * x,
    "contrast / 4": lambda x: 0.5 + (x - 0.5) / 4,
    "gamma 2": lambda x: x**2,
    "gamma 0.5": lambda x: x**0.5,
    "negative": lambda x: 1 - x,
    "blur 1 px": filtered(lambda picture: picture.filter(ImageFilter.GaussianBlur(1))),
    "JPEG 75": jpeg(75),
    "JPEG 30": jpeg(30),
    "noise 0.02": lambda x: noise(x, 0.02),
    "noise 0.05": lambda x: noise(x, 0.05),
    "shift 1 px": lambda x: x.roll((1, 1), (1, 2)),
    "shift 5 px": lambda x: x.roll((5, -4), (1, 2)),
    "mirror": lambda x: x.flip(-1),
    "upside down": lambda x: x.flip(-2),
    "on its side": lambda x: x.rot90(1, (1, 2)),
    "zoom 5 %": lambda x: zoomed(x, 0.05),
    "turned by 2°": filtered(lambda picture: picture.rotate(2, Image.Resampling.BICUBIC)),
    "3/4 of a side": lambda x: corner(x, 0.75),
    "half a side": lambda x: corner(x, 0.5),
}


def pieces(inputs: Sequence[Tensor], side: int | None, count: int) -> list[Tensor]:
    """Return test inputs spread over all, or, where no side is given, their pieces of 24 pixels with contrast."""
    if side is not None:
        return list(inputs)[:: max(1, len(inputs) // count)]
    cut = [
        x[:, top : top + 24, left : left + 24]
        for x in inputs
        for top in range(3, x.shape[-2] - 24, 31)
        for left in range(5, x.shape[-1] - 24, 31)
    ]
    rich = [piece for piece in cut if float(piece.std(dim=(1, 2)).mean()) > 0.03]
    return rich[:: max(1, len(rich) // count)]


def measure(name: str, side: int | None, arguments: argparse.Namespace) -> int:
    """Print what honest pools keep and what is found, and return the number of false alarms."""
    catalog = Catalog.load()
    card = catalog.get(DatasetCard, name)
    tests = [x for split in opened(catalog, card).tests().values() for x in split.inputs]
    known = TestInputs([to_uint8(x) for x in tests], fixed=side is not None)
    false = honest(known, name, pools(catalog, card, range(arguments.first, arguments.first + arguments.pools)))
    edited = pieces(tests, side, arguments.edited)
    for what, edit in EDITS.items():
        each = [known.nearness([to_uint8(edit(x).clamp(0, 1))]).distance for x in edited]
        share = sum(distance < 1 for distance in each) / len(each)
        print(f"  {what:14} found {share:6.1%}, distance median {np.median(each):.2f}", flush=True)
    return false


def honest(known: TestInputs, name: str, pools: Iterable[Sequence[Tensor]]) -> int:
    """Print how near each pool comes, and return how many questions count as near."""
    distances, seconds, false = list[float](), list[float](), 0
    for pool in pools:
        questions = [to_uint8(x) for x in pool]
        start = time.process_time()
        found = known.nearness(questions)
        seconds.append(time.process_time() - start)
        distances.append(found.distance)
        false += len(found.asked)
        told = f"{name}: {len(distances)} honest pools, {false} false, {np.median(seconds):.2f} s a pool; nearest"
        print(f"  {told} {found.distance:.2f}, of all {min(distances):.2f}", flush=True)
    return false


def main() -> None:
    """Measure every data set of the profiles mini and small that questions are images of."""
    catalog = Catalog.load()
    tasks = [task for task in catalog.all(TaskCard).values() if task.card.kind == "image-to-image"]
    scales = [task.card.profile[name] for task in tasks for name in ("mini", "small") if name in task.card.profile]
    known = {scale.dataset: scale.side for scale in scales}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", nargs="+", choices=sorted(known), default=sorted(known))
    parser.add_argument("--pools", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--edited", type=int, default=32)
    arguments = parser.parse_args()
    false = sum(measure(name, known[name], arguments) for name in arguments.datasets)
    print(f"{false} false alarms")


if __name__ == "__main__":
    main()
