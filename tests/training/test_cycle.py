"""What holds for both victims that are trained in a cycle, CycleGAN and U-GAT-IT."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from domain_factory import VICTIMS, first_losses, paintings, studio_of, train
from torch import nn
from training_factory import Interrupted, checkpoint_every_step, equal, stopping_at

from gexbench.errors import DataMissing

both = pytest.mark.parametrize("name", VICTIMS)


@both
def test_the_seed_alone_decides_the_weights(name: str, tmp_path: Path) -> None:
    studio = studio_of(name, tmp_path / "a")
    first = train(name, studio)
    assert equal(train(name, replace(studio, workdir=tmp_path / "b")), first)
    assert not equal(train(name, replace(studio, workdir=tmp_path / "c", seed=1)), first)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("cyclegan", {}),
        ("cyclegan", {"average": 0.5}),
        ("cyclegan", {"discriminator_norm": "spectral"}),
        ("ugatit", {}),
        ("ugatit", {"average": 0.5}),
    ],
)
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    name: str, more: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint_every_step(monkeypatch)
    studio = studio_of(name, tmp_path / "a", steps=10, **more)
    with pytest.raises(Interrupted):
        train(name, replace(studio, progress=stopping_at(7)))
    told: list[int] = []
    stopped = train(name, replace(studio, progress=lambda what, done, total: told.append(done)))
    assert told[0] == 7
    assert equal(stopped, train(name, replace(studio, workdir=tmp_path / "b")))


@both
def test_other_images_start_afresh(name: str, tmp_path: Path) -> None:
    studio = studio_of(name, tmp_path / "a")
    train(name, studio)
    others = replace(studio, style=paintings(8, 5))
    assert equal(train(name, others), train(name, replace(others, workdir=tmp_path / "b")))


@both
def test_the_global_generator_is_left_as_it_was(name: str, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    train(name, studio_of(name, tmp_path))
    assert torch.equal(torch.random.get_rng_state(), before)


@both
def test_it_writes_sheets_of_samples_while_it_trains(name: str, tmp_path: Path) -> None:
    train(name, studio_of(name, tmp_path))
    assert [path.name for path in sorted((tmp_path / "samples").iterdir())] == [
        f"{step:07d}.png" for step in (1, 2, 3, 4)
    ]


@both
def test_a_victim_without_style_images_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="got 8 and 0"):
        train(name, replace(studio_of(name, tmp_path), style=()))


def near(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.allclose(a, b, atol=1e-4) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@both
def test_the_mean_over_past_weights_is_what_is_kept(name: str, tmp_path: Path) -> None:
    last, slow, quick, first = (
        train(name, studio_of(name, tmp_path / str(number), **more))
        for number, more in enumerate(({}, {"average": 0.99999}, {"average": 1e-9}, {"lr": 0.0}))
    )
    assert near(quick, last)
    assert near(slow, first)
    assert not near(slow, last)


@pytest.mark.parametrize(
    ("name", "changed", "doubled"),
    [
        ("cyclegan", {"cycle_weight": 20.0}, {"cycle", "identity"}),
        ("cyclegan", {"identity_weight": 1.0}, {"identity"}),
        ("ugatit", {"cycle_weight": 20.0}, {"cycle"}),
        ("ugatit", {"identity_weight": 20.0}, {"identity"}),
        ("ugatit", {"cam_weight": 2000.0}, {"attention"}),
    ],
)
def test_a_weight_scales_the_losses_it_is_of(
    name: str, changed: dict[str, float], doubled: set[str], tmp_path: Path
) -> None:
    usual, other = first_losses(name, tmp_path / "usual"), first_losses(name, tmp_path / "other", **changed)
    factors = {loss: 2.0 if loss.split()[0] in doubled else 1.0 for loss in usual}
    # discriminators learn after the generators, from what these made
    makers = {loss for loss in usual if not loss.startswith("judge")}
    assert {loss: other[loss] for loss in makers} == pytest.approx(
        {loss: factors[loss] * usual[loss] for loss in makers}, rel=1e-5
    )
