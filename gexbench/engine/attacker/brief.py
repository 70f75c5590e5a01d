"""The brief, built from what the bench sends."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from gexbench.cards.entry import load_entry
from gexbench.core.attack import Brief, Progress
from gexbench.engine.wire.image_file import StoredImages
from gexbench.engine.wire.messages import Leak, StartAttack


def make_brief(order: StartAttack, progress: Progress) -> Brief:
    """Return the brief; seeds torch's global generator too."""
    torch.manual_seed(order.seed)
    return Brief(
        pool=StoredImages(order.pool),
        truth=_stored(order.truth),
        real=_stored(order.real),
        discriminator=_leaked(order.discriminator),
        victim=_leaked(order.victim),
        scale=order.scale,
        side=order.side,
        budget=order.budget,
        knowledge=frozenset(order.knowledge),
        device=torch.device(order.device),
        precision=order.precision,
        seed=order.seed,
        generator=torch.Generator().manual_seed(order.seed),
        deadline=order.deadline,
        options=dict(order.options),
        workdir=order.workdir,
        progress=progress,
    )


def _stored(path: Path | None) -> StoredImages | None:
    return None if path is None else StoredImages(path)


def _leaked(leak: Leak | None) -> nn.Module | None:
    """Return a part of a victim in evaluation mode."""
    if leak is None:
        return None
    whole: nn.Module = load_entry(leak.entry)().build(leak.net)
    part = whole.get_submodule(leak.part)
    part.load_state_dict(safetensors.torch.load_file(leak.file), strict=True)
    return part.eval().requires_grad_(False)
