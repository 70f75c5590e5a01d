"""The super-resolution victim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from training_factory import Interrupted, equal, stopping_at, studio_in

from gexbench.core.images import downscale_8bit, round_8bit, upscale
from gexbench.core.victim import Studio
from gexbench.victims.srgan import SRGAN, owner_pairs

NET = {"blocks": 1, "channels": 8, "kernel": 3, "batch_norm": False, "skip": "bicubic"}
TRAIN: dict[str, Any] = {
    "patch": 12,
    "pretrain_steps": 150,
    "pretrain_batch": 4,
    "pretrain_lr": 5e-3,
    "gan_steps": 6,
    "gan_batch": 2,
    "gan_lr": 1e-4,
    "content_layer": "features.3",
    "content_weight": 0.01,
    "adversarial_weight": 1e-3,
    "pixel_weight": 1.0,
    "discriminator_channels": 2,
}


def photos(count: int, seed: int) -> list[Tensor]:
    """Pictures of hard-edged blocks, each (3,70,84): two rows too many for a scale of 4."""
    noise = torch.rand(count, 3, 10, 12, generator=torch.Generator().manual_seed(seed))
    return list(round_8bit(F.interpolate(noise, size=(70, 84), mode="nearest")))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Photos, short numbers, and an eye with random weights."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"features.0": (64, 3, 3, 3), "features.2": (64, 64, 3, 3)}
    eye = {f"{name}.weight": 0.05 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    save_file({**eye, **{f"{name}.bias": torch.zeros(64) for name in shapes}}, tmp_path / "eye.safetensors")
    assets = {"lpips-vgg": tmp_path / "eye.safetensors"}
    return studio_in(tmp_path / "work", owner=photos(8, 0), scale=4, net=NET, options=TRAIN, assets=assets)


def train(studio: Studio) -> nn.Module:
    return SRGAN().train(SRGAN().build(NET), studio)


def short(studio: Studio, folder: Path) -> Studio:
    return replace(studio, options={**TRAIN, "pretrain_steps": 3, "gan_steps": 3}, workdir=folder)


def test_it_is_sharper_than_bicubic_on_unseen_photos(studio: Studio) -> None:
    truth = torch.stack(photos(4, 1))[..., :68, :]
    x = downscale_8bit(truth, 4)
    made = train(studio)(x).detach()
    assert float((made - truth).square().mean()) < 0.9 * float((upscale(x, 4) - truth).square().mean())


def test_the_seed_alone_decides_the_weights(studio: Studio, tmp_path: Path) -> None:
    first = train(short(studio, tmp_path / "a"))
    assert equal(train(short(studio, tmp_path / "b")), first)
    assert not equal(train(replace(short(studio, tmp_path / "c"), seed=1)), first)


def test_what_a_net_learned_before_does_not_matter(studio: Studio, tmp_path: Path) -> None:
    used = SRGAN().build(NET)
    with torch.no_grad():
        for parameter in used.parameters():
            parameter.add_(1.0)
    assert equal(SRGAN().train(used, short(studio, tmp_path / "a")), train(short(studio, tmp_path / "b")))


@pytest.mark.parametrize("phase", ["pretrain", "adversarial"])
def test_a_training_stopped_in_either_phase_ends_with_the_same_bits(studio: Studio, tmp_path: Path, phase: str) -> None:
    with pytest.raises(Interrupted):
        train(replace(short(studio, tmp_path / "a"), progress=stopping_at(2, phase)))
    assert equal(train(short(studio, tmp_path / "a")), train(short(studio, tmp_path / "b")))


def test_it_says_which_phase_it_is_in(studio: Studio, tmp_path: Path) -> None:
    told: list[str] = []
    train(replace(short(studio, tmp_path), progress=lambda what, done, total: told.append(what)))
    assert told == ["pretrain"] * 3 + ["adversarial"] * 3


def test_the_adversarial_phase_changes_the_net(studio: Studio, tmp_path: Path) -> None:
    pixels = replace(short(studio, tmp_path / "a"), options={**TRAIN, "pretrain_steps": 3, "gan_steps": 0})
    assert not equal(train(pixels), train(short(studio, tmp_path / "b")))


def test_the_owners_pairs_are_shrunk_as_the_benchmarks_are() -> None:
    image = photos(1, 3)[0]
    pairs = owner_pairs([image], 4)
    assert (tuple(pairs.low[0].shape), tuple(pairs.high[0].shape)) == ((3, 17, 21), (3, 68, 84))
    assert torch.equal(pairs.low[0].float() / 255.0, downscale_8bit(image[:, :68], 4))


def test_the_published_net_is_what_the_defaults_build() -> None:
    assert sum(p.numel() for p in SRGAN().build({}).parameters()) == 1_549_462
