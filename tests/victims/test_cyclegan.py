"""The victim that learns a style without pairs."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import round_8bit
from gexbench.core.victim import Studio
from gexbench.errors import DataMissing
from gexbench.nets.resunet import ResUNet
from gexbench.victims.cyclegan import CycleGAN

NET = {"blocks": 1, "channels": 8}
TRAIN: dict[str, Any] = {"crop": 24, "batch": 2, "steps": 4, "lr": 2e-3, "pool": 3, "discriminator_channels": 4}


class Interrupted(Exception):
    """What stops a training in a test."""


def photos(count: int, seed: int) -> list[Tensor]:
    """Dark pictures of blocks, each (3,28,28)."""
    noise = torch.rand(count, 3, 7, 7, generator=torch.Generator().manual_seed(seed))
    return list(round_8bit(0.4 * F.interpolate(noise, size=(28, 28), mode="nearest")))


def paintings(count: int, seed: int) -> list[Tensor]:
    """Bright pictures of the same kind."""
    return [round_8bit(1.0 - image) for image in photos(count, seed)]


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Two small domains and short numbers."""
    return Studio(
        owner=photos(8, 0),
        style=paintings(8, 1),
        scale=1,
        net=NET,
        options=TRAIN,
        assets={},
        device=torch.device("cpu"),
        precision="fp32",
        seed=0,
        workdir=tmp_path / "work",
        progress=lambda what, done, total: None,
    )


def train(studio: Studio) -> nn.Module:
    return CycleGAN().train(CycleGAN().build(studio.net), studio)


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_it_learns_to_make_dark_photos_bright(studio: Studio) -> None:
    net = train(replace(studio, options={**TRAIN, "steps": 120}))
    unseen = torch.stack(photos(4, 2))
    with torch.no_grad():
        made = net(unseen)
    assert not net.training
    assert float(made.mean()) > float(unseen.mean()) + 0.3


def test_a_u_net_of_residual_blocks_learns_it_too(studio: Studio) -> None:
    resunet = {"generator": "resunet", "depth": 2, "channels": 8, "blocks": 1}
    unseen = torch.stack(photos(4, 2))
    net = train(replace(studio, net=resunet, options={**TRAIN, "steps": 120}))
    assert isinstance(net, ResUNet)
    with torch.no_grad():
        assert float(net(unseen).mean()) > float(unseen.mean()) + 0.3


def test_another_generator_is_refused() -> None:
    with pytest.raises(ValueError, match="generator 'vgg' must be one of resnet, resunet"):
        CycleGAN().build({"generator": "vgg"})


def test_the_seed_alone_decides_the_weights(studio: Studio, tmp_path: Path) -> None:
    first = train(studio)
    assert equal(train(replace(studio, workdir=tmp_path / "b")), first)
    assert not equal(train(replace(studio, workdir=tmp_path / "c", seed=1)), first)


@pytest.mark.parametrize("more", [{}, {"average": 0.5}, {"discriminator_norm": "spectral"}])
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    studio: Studio, tmp_path: Path, more: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gexbench.training.loop.time.monotonic", count(0, 30).__next__)  # a checkpoint every step

    def stop(what: str, done: int, total: int) -> None:
        if done == 8:
            raise Interrupted

    longer = {**TRAIN, "steps": 12, **more}
    with pytest.raises(Interrupted):
        train(replace(studio, options=longer, progress=stop))
    told: list[int] = []
    stopped = train(replace(studio, options=longer, progress=lambda what, done, total: told.append(done)))
    assert told[0] == 8
    assert equal(stopped, train(replace(studio, options=longer, workdir=tmp_path / "b")))


def test_other_images_start_afresh(studio: Studio, tmp_path: Path) -> None:
    train(studio)
    others = replace(studio, style=paintings(8, 5))
    assert equal(train(others), train(replace(others, workdir=tmp_path / "b")))


def test_the_global_generator_is_left_as_it_was(studio: Studio) -> None:
    before = torch.random.get_rng_state()
    train(studio)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_it_writes_sheets_of_samples_while_it_trains(studio: Studio) -> None:
    train(studio)
    assert [path.name for path in sorted((studio.workdir / "samples").iterdir())] == [
        f"{step:07d}.png" for step in (1, 2, 3, 4)
    ]


def test_a_victim_without_style_images_is_refused(studio: Studio) -> None:
    with pytest.raises(DataMissing, match="got 8 and 0"):
        train(replace(studio, style=()))
