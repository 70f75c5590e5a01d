"""The victim that learns a style without pairs, led by attention."""

from __future__ import annotations

import json
import math
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
from gexbench.nets.ugatit_generator import UGATITGenerator
from gexbench.victims.ugatit import UGATIT

NET: dict[str, Any] = {"blocks": 1, "channels": 8, "light": True}
TRAIN: dict[str, Any] = {
    "crop": 16,
    "batch": 2,
    "steps": 4,
    "lr": 4e-3,
    "discriminator_channels": 4,
    "discriminator_layers": (3, 4),
}


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
    return UGATIT().train(UGATIT().build(studio.net), studio)


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_it_learns_to_make_dark_photos_bright(studio: Studio) -> None:
    net = train(replace(studio, options={**TRAIN, "steps": 25}))
    unseen = torch.stack(photos(4, 2))
    with torch.no_grad():
        made = net(unseen)
    assert not net.training
    # a net that learned nothing makes grey
    assert float(unseen.mean()) < 0.3 < 0.7 < float(made.mean())


def test_the_full_net_learns_from_crops_of_its_own_side(studio: Studio) -> None:
    net = {**NET, "light": False, "side": 16}
    made = train(replace(studio, net=net))(torch.stack(photos(2, 2))[..., :16, :16])
    assert made.shape == (2, 3, 16, 16)
    with pytest.raises(ValueError, match="sides must be 24x24, got 16x16"):
        train(replace(studio, net={**net, "side": 24}))


def test_the_seed_alone_decides_the_weights(studio: Studio, tmp_path: Path) -> None:
    first = train(studio)
    assert equal(train(replace(studio, workdir=tmp_path / "b")), first)
    assert not equal(train(replace(studio, workdir=tmp_path / "c", seed=1)), first)


def test_first_weights_are_drawn_as_published_or_as_pytorch_draws_them(studio: Studio, tmp_path: Path) -> None:
    still = {**TRAIN, "steps": 1, "lr": 0.0}
    first, other = (
        next(train(replace(studio, options={**still, **numbers}, workdir=tmp_path / name)).parameters()).detach()
        for name, numbers in (("a", {}), ("b", {"first_weights": "uniform"}))
    )
    bound = 1.0 / math.sqrt(3 * 7 * 7)
    assert float(first.std()) == pytest.approx(0.02, rel=0.1)
    assert 0.9 * bound < float(other.abs().max()) <= bound
    with pytest.raises(ValueError, match="first_weights 'zero' must be"):
        train(replace(studio, options={**still, "first_weights": "zero"}))


@pytest.mark.parametrize("first_weights", ["gaussian", "uniform"])
def test_what_a_net_learned_before_does_not_matter(studio: Studio, tmp_path: Path, first_weights: str) -> None:
    studio = replace(studio, options={**TRAIN, "first_weights": first_weights})
    used = UGATIT().build(NET)
    with torch.no_grad():
        for parameter in used.parameters():
            parameter.add_(1.0)
    assert equal(UGATIT().train(used, studio), train(replace(studio, workdir=tmp_path / "b")))


def test_every_rho_stays_between_the_two_norms(studio: Studio) -> None:
    net = train(replace(studio, options={**TRAIN, "lr": 0.1}))
    rhos = torch.cat([p.detach().flatten() for name, p in net.named_parameters() if name.endswith("rho")])
    assert float(rhos.min()) == 0.0 < float(rhos.max()) <= 1.0


def test_the_attention_is_wrong_by_ln_2_for_each_domain_at_first(studio: Studio) -> None:
    train(replace(studio, options={**TRAIN, "steps": 1}))
    losses = json.loads((studio.workdir / "ugatit.losses.jsonl").read_text())
    assert [losses[f"attention {aim}"] for aim in ("style", "photo")] == [
        pytest.approx(2000 * math.log(2), rel=0.05)
    ] * 2


def test_the_attention_is_right_when_it_takes_sources_for_sources(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    translate = UGATITGenerator.attended

    def knowing(net: UGATITGenerator, x: Tensor) -> tuple[Tensor, Tensor]:
        images, logits = translate(net, x)
        sources = torch.arange(len(x)).view(-1, 1) < len(x) // 2
        return images, 0.0 * logits + torch.where(sources, 20.0, -20.0)

    monkeypatch.setattr(UGATITGenerator, "attended", knowing)
    train(replace(studio, options={**TRAIN, "steps": 1}))
    losses = json.loads((studio.workdir / "ugatit.losses.jsonl").read_text())
    assert max(losses["attention style"], losses["attention photo"]) < 1e-3


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    studio: Studio, tmp_path: Path, average: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gexbench.training.loop.time.monotonic", count(0, 30).__next__)  # a checkpoint every step

    def stop(what: str, done: int, total: int) -> None:
        if done == 6:
            raise Interrupted

    longer = {**TRAIN, "steps": 10, "average": average}
    with pytest.raises(Interrupted):
        train(replace(studio, options=longer, progress=stop))
    told: list[int] = []
    stopped = train(replace(studio, options=longer, progress=lambda what, done, total: told.append(done)))
    assert told[0] == 6
    assert equal(stopped, train(replace(studio, options=longer, workdir=tmp_path / "b")))


def test_other_images_start_afresh(studio: Studio, tmp_path: Path) -> None:
    train(studio)
    others = replace(studio, style=paintings(8, 5))
    assert equal(train(others), train(replace(others, workdir=tmp_path / "b")))


def test_it_writes_sheets_of_samples_while_it_trains(studio: Studio) -> None:
    train(studio)
    assert [path.name for path in sorted((studio.workdir / "samples").iterdir())] == [
        f"{step:07d}.png" for step in (1, 2, 3, 4)
    ]


def test_a_victim_without_style_images_is_refused(studio: Studio) -> None:
    with pytest.raises(DataMissing, match="got 8 and 0"):
        train(replace(studio, style=()))
