"""What the victims that learn a style keep when their weights are averaged over steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gexbench.core.victim import Studio
from gexbench.victims.cyclegan import CycleGAN
from gexbench.victims.ugatit import UGATIT

KINDS: dict[str, tuple[type[CycleGAN] | type[UGATIT], dict[str, Any]]] = {
    "cyclegan": (CycleGAN, {"blocks": 1, "channels": 8}),
    "ugatit": (UGATIT, {"blocks": 1, "channels": 8, "light": True}),
}


def trained(kind: str, folder: Path, **numbers: float) -> nn.Module:
    """Train four steps on noise."""
    victim, net = KINDS[kind]
    images = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    layers = {"discriminator_layers": (3, 4)} if kind == "ugatit" else {}
    studio = Studio(
        owner=list(images[:2]),
        style=list(images[2:]),
        scale=1,
        net=net,
        options={"crop": 24, "batch": 1, "steps": 4, "lr": 4e-3, "discriminator_channels": 4, **layers, **numbers},
        assets={},
        device=torch.device("cpu"),
        precision="fp32",
        seed=0,
        workdir=folder,
        progress=lambda what, done, total: None,
    )
    return victim().train(victim().build(net), studio)


def near(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.allclose(a, b, atol=1e-4) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_over_past_weights_is_what_is_kept(kind: str, tmp_path: Path) -> None:
    last = trained(kind, tmp_path / "last")
    slow = trained(kind, tmp_path / "slow", average=0.99999)
    assert near(trained(kind, tmp_path / "quick", average=1e-9), last)
    assert near(slow, trained(kind, tmp_path / "first", lr=0.0))
    assert not near(slow, last)
