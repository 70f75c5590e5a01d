"""What holds for the victims that draw images: SNGAN, PGGAN and StyleGAN2."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_factory import equal, studio_in

from gexbench.core.victim import Studio, Victim
from gexbench.nets.latent_gan import LatentGAN
from gexbench.victims.pggan import PGGAN
from gexbench.victims.sngan import SNGAN
from gexbench.victims.stylegan2 import StyleGAN2

NUMBERS: dict[str, Any] = {"steps": 2, "batch": 4, "critics": 1, "lr": 1e-2, "average": 0.5}
STYLE_NET = {"side": 16, "latent_size": 8, "mapping_layers": 1, "channel_base": 64, "channel_max": 4}
every_victim = pytest.mark.parametrize(
    ("victim", "net", "numbers"),
    [
        (SNGAN(), {"side": 32, "latent_size": 8, "channels": 4, "discriminator_channels": 4}, NUMBERS),
        (PGGAN(), {"side": 16, "latent_size": 8, "fmap_base": 32, "fmap_max": 8}, NUMBERS),
        (StyleGAN2(), STYLE_NET, {**NUMBERS, "r1": 1.0}),
    ],
    ids=["sngan", "pggan", "stylegan2"],
)


def studio(folder: Path, net: dict[str, Any], numbers: dict[str, Any]) -> Studio:
    """Return an owner with six images of the net's side."""
    owner = torch.rand(6, 3, net["side"], net["side"], generator=torch.Generator().manual_seed(0))
    return studio_in(folder, owner=list(owner), net=net, options=numbers)


@every_victim
def test_its_weights_load_strictly_into_what_its_card_builds(
    victim: Victim, net: dict[str, Any], numbers: dict[str, Any], tmp_path: Path
) -> None:
    trained, built = victim.train(victim.build(net), studio(tmp_path, net, numbers)), victim.build(net)
    built.load_state_dict(trained.state_dict(), strict=True)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(built.eval()(z), trained(z))
    assert isinstance(trained, LatentGAN)
    assert not trained.training


@every_victim
def test_the_seed_alone_decides_the_weights_whatever_the_net_learned_before(
    victim: Victim, net: dict[str, Any], numbers: dict[str, Any], tmp_path: Path
) -> None:
    used = victim.build(net)
    with torch.no_grad():
        for parameter in used.parameters():
            parameter.add_(1.0)
    here = studio(tmp_path / "a", net, numbers)
    first = victim.train(used, here)
    assert equal(victim.train(victim.build(net), replace(here, workdir=tmp_path / "b")), first)
    assert not equal(victim.train(victim.build(net), replace(here, workdir=tmp_path / "c", seed=1)), first)
