"""What an SNGAN of faces at 64 px would take: CPU seconds of a step, for images that `dcgan-faces-64` draws.

One thread, so that the figure is of processor time and not of the machine's other work. `python
benchmarks/wild_latent.py --steps 6` writes benchmarks/results/wild_latent.json; it needs `gexbench assets fetch
dcgan-faces-64`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import VictimCard
from gexbench.engine.kinds.sampling import drawn_from, surrogate_latents
from gexbench.engine.machine import hardware
from gexbench.engine.service.victim import open_victim
from gexbench.engine.store.victim_weights import weights_path, weights_sha256
from gexbench.training.latent import LatentOptions, LatentTraining
from gexbench.training.loop import TrainingContext
from gexbench.training.sngan import build_sngan

OUT = Path(__file__).parent / "results" / "wild_latent.json"
BATCH, WANTED, CORES = 32, 5000, 2
WIDTHS = (16, 32)


def faces(count: int) -> Tensor:
    """Return faces (n,3,64,64) uint8."""
    catalog = Catalog.load()
    card = catalog.get(VictimCard, "dcgan-faces-64")
    victim = open_victim(card, weights_path(card, catalog), weights_sha256(card, catalog), "cpu")
    return drawn_from(victim, surrogate_latents(range(count), victim.latent_size or 0, 0))


def cpu_seconds(images: Tensor, width: int, steps: int, precision: str) -> float:
    """Return the processor time of a step, after two that are not counted."""
    gan = build_sngan({"side": 64, "channels": width, "latent_size": 64, "discriminator_channels": width}, 0)
    options = LatentOptions(steps=WANTED, batch=BATCH, critics=1, lr=1e-3, average=0.995)
    with tempfile.TemporaryDirectory() as place:
        context = TrainingContext(torch.device("cpu"), precision, 0, Path(place), lambda what, done, total: None)
        training = LatentTraining(gan, options, context)
        for number in range(2):
            training.step(images, number)
        start = time.process_time()
        for number in range(steps):
            training.step(images, number + 2)
        return (time.process_time() - start) / steps


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    images, precision = faces(64), hardware.choose("cpu", True).precision
    rows = []
    for width in WIDTHS:
        spent = cpu_seconds(images, width, wanted.steps, precision)
        least = spent * WANTED / CORES
        rows.append({"channels": width, "cpu_seconds_a_step": round(spent, 3), "least_minutes": round(least / 60, 1)})
        print(rows[-1])
    kept = {
        "command": f"python benchmarks/wild_latent.py --steps {wanted.steps}",
        "machine": f"{hardware.processor()}, torch {torch.__version__}, other work beside it",
        "date": datetime.date.today().isoformat(),
        "numbers": {"steps": WANTED, "batch": BATCH, "cores": CORES, "rows": rows},
    }
    OUT.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
