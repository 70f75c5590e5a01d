"""Training a victim from its owner's split."""

from __future__ import annotations

import hashlib
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import AssetCard, DatasetCard, VictimCard
from gexbench.core.attack import Progress
from gexbench.core.dataset import Dataset
from gexbench.core.victim import Studio
from gexbench.engine.machine import hardware
from gexbench.engine.run.together import together
from gexbench.engine.store import datasets
from gexbench.engine.store.assets import AssetStore
from gexbench.engine.store.paths import home
from gexbench.engine.store.victim_weights import trained_path
from gexbench.errors import PlanError
from gexbench.files import atomic_write


def train_victim(card: VictimCard, catalog: Catalog, to: Path | None, progress: Progress) -> tuple[Path, str]:
    """Train a victim as its card says and write its weights; returns their path and SHA-256.

    Goes on from a checkpoint when an earlier training of the same card was stopped. `to` None means the place where
    runs look for it. Processes that torchrun started train it together, and the first one writes. Raises DataMissing or
    AssetMissing naming what is not here, PlanError for a file.
    """
    if not card.entry:
        raise PlanError(
            f"victim {card.name!r} is a file, which nobody trains here", "gexbench victim probe looks at it"
        )
    if card.dataset is None or card.asset is not None:
        raise PlanError(
            f"victim {card.name!r} was trained by others, and is not trained here",
            f"gexbench assets fetch {card.asset}",
        )
    filed = catalog.filed(DatasetCard, card.dataset)
    if filed.card.splits.owner is None:
        raise PlanError(f"data set {card.dataset!r} has no split owner, which a victim learns from", "give it one")
    files = datasets.locate(filed.card, filed.pins)
    dataset: Dataset = load_entry(filed.card.reader)(filed.card.settings, files)
    machine = hardware.choose("auto", autocast=True)
    torch.set_num_threads(machine.threads)
    workdir = home() / "training" / f"{card.name.replace('/', '.')}-v{card.version}"
    workdir.mkdir(parents=True, exist_ok=True)
    with together(machine.device) as seat:
        studio = Studio(
            owner=dataset.owner(),
            style=dataset.style(),
            scale=card.scale,
            net=card.net,
            options=card.train,
            assets={name: AssetStore().path(catalog.get(AssetCard, name)) for name in card.assets},
            device=seat.device,
            precision=machine.precision,
            seed=card.seed,
            workdir=workdir,
            progress=progress,
        )
        victim = load_entry(card.entry)()
        net = victim.train(victim.build(card.net), studio)
        state = {name: _stored(tensor.detach().cpu(), card.stored) for name, tensor in net.state_dict().items()}
        weights, path = safetensors.torch.save(state), to or trained_path(card)
        if seat.first:
            atomic_write(path, weights)
    return path, hashlib.sha256(weights).hexdigest()


def _stored(tensor: Tensor, kind: str) -> Tensor:
    return (tensor.to(getattr(torch, kind)) if tensor.is_floating_point() else tensor).contiguous()
