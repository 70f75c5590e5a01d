"""How near a perfect copy comes: FID and KID between images that one victim draws from different latents.

    python benchmarks/floor.py [--victim sngan-cifar10-small] [--count 1000] [--pairs 2]

FID of few images lies above zero even between two draws of the same generator; a surrogate whose B is about this number
cannot be told from the service at this count.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import torch
from torchvision.io import write_png

from gexbench.bench import quiet
from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import VictimCard
from gexbench.core.images import to_uint8
from gexbench.engine.scoring.compare import Setup, compare
from gexbench.engine.scoring.features.images import open_images
from gexbench.engine.store.victim_weights import weights_path, weights_sha256
from gexbench.engine.store.weights import load_weights
from gexbench.nets.latent_gan import LatentGAN

AT_ONCE = 100


def draw(victim: LatentGAN, count: int, seed: int, folder: Path) -> Path:
    """Write `count` images that the victim draws from latents of `seed`, and return their folder."""
    folder.mkdir()
    latents = torch.randn(count, victim.latent_size, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        images = torch.cat([to_uint8(victim(part)) for part in latents.split(AT_ONCE)])
    for number, image in enumerate(images):
        write_png(image, str(folder / f"{number:05}.png"))
    return folder


def main() -> None:
    """Print each pair's numbers and their means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--victim", default="sngan-cifar10-small")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=2)
    arguments = parser.parse_args()
    catalog = Catalog.load()
    card = catalog.get(VictimCard, arguments.victim)
    if card.task_kind != "sampling":
        parser.error(f"victim {card.name} draws nothing of its own: it answers questions")
    victim = load_entry(card.entry)().build(card.net)
    load_weights(victim, weights_path(card, catalog), weights_sha256(card, catalog))
    victim.eval()
    found: dict[str, list[float]] = {}
    for pair in range(arguments.pairs):
        with tempfile.TemporaryDirectory() as name:
            sides = [draw(victim, arguments.count, 2 * pair + side, Path(name) / str(side)) for side in (0, 1)]
            scores = compare(*map(open_images, sides), ["fid"], Setup(catalog, "cpu", None), quiet).scores
        for score in scores:
            found.setdefault(score.metric, []).append(score.value)
        print(f"pair {pair}: " + ", ".join(f"{score.metric} {score.value:.4f}" for score in scores), flush=True)
    for metric, values in found.items():
        print(f"{metric}: mean {statistics.fmean(values):.4f} over {len(values)} pairs of {arguments.count} images")


if __name__ == "__main__":
    main()
