"""PGGAN and StyleGAN2 as they are trained: how one grows, what the penalties of the other are, and that both resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gexbench.core.images import to_uint8
from gexbench.nets.latent_gan import LatentGAN
from gexbench.training import latent
from gexbench.training.latent import LatentOptions
from gexbench.training.loop import Loop, Place, Stateful, Step, run_steps
from gexbench.training.pggan import GrowingDuel, build_pggan, fit_pggan
from gexbench.training.stylegan2 import StyleDuel, StyleOptions, build_stylegan2, fit_stylegan2

PG_NET = {"latent_size": 8, "fmap_base": 32, "fmap_max": 8}
STYLE_NET = {"latent_size": 8, "mapping_layers": 2, "channel_base": 64, "channel_max": 8}
PLAN = {"steps": 5, "batch": 4, "critics": 1, "lr": 1e-3, "average": 0.5}
Fit = Callable[[Sequence[Tensor], Mapping[str, Any], Place], LatentGAN]
both = pytest.mark.parametrize(
    ("fit", "options"),
    [(fit_pggan, {**PG_NET, **PLAN}), (fit_stylegan2, {**STYLE_NET, **PLAN, "r1": 1.0})],
    ids=["pggan", "stylegan2"],
)


def quiet(what: str, done: int, total: int) -> None:
    """Take no notice of progress."""


def place(folder: Path) -> Place:
    return Place(torch.device("cpu"), "fp32", 0, folder, quiet)


def images(count: int = 6, side: int = 16) -> list[Tensor]:
    return [to_uint8(image) for image in torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(2))]


def made(gan: LatentGAN) -> Tensor:
    with torch.no_grad():
        drawn: Tensor = gan(torch.randn(3, gan.latent_size, generator=torch.Generator().manual_seed(1)))
    return drawn


@both
def test_a_finished_training_makes_whole_images(tmp_path: Path, fit: Fit, options: dict[str, Any]) -> None:
    drawn = made(fit(images(), options, place(tmp_path)))
    assert drawn.shape == (3, 3, 16, 16)
    assert 0.0 <= float(drawn.min()) <= float(drawn.max()) <= 1.0


@both
def test_a_training_that_was_broken_off_ends_as_one_that_was_not(
    tmp_path: Path, fit: Fit, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(fit(images(), options, place(tmp_path / "whole")))
    monkeypatch.setattr(latent, "run_steps", breaking_off)
    with pytest.raises(InterruptedError):
        fit(images(), options, place(tmp_path / "broken"))
    monkeypatch.undo()
    torch.manual_seed(99)  # what is drawn does not hang on the state of the process
    assert torch.equal(made(fit(images(), options, place(tmp_path / "broken"))), whole)


def breaking_off(step: Step, state: Mapping[str, Stateful], loop: Loop) -> None:
    """Checkpoint after every step, and break off in the fourth."""

    def broken(number: int) -> Mapping[str, Tensor]:
        if number == 3:
            raise InterruptedError
        return step(number)

    run_steps(broken, state, replace(loop, every=0.0))


def growing(steps: int) -> GrowingDuel:
    plan = LatentOptions(steps=steps, batch=4, critics=1, lr=1e-3, average=0.0)
    return GrowingDuel(build_pggan({**PG_NET, "side": 16}, 0), plan, place(Path()))


def test_each_level_is_blended_in_and_then_trained_as_long() -> None:
    duel, seen = growing(50), []
    for number in range(0, 50, 5):
        duel.prepare(number)
        seen.append((duel.net.grown, duel.net.blend))
    assert seen == [(4, 1), (4, 1), (8, 0), (8, 0.5), (8, 1), (8, 1), (16, 0), (16, 0.5), (16, 1), (16, 1)]


def test_real_images_are_shown_at_the_side_grown_to() -> None:
    duel, real = growing(50), torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    duel.prepare(0)
    assert torch.allclose(duel.shown(real), torch.nn.functional.avg_pool2d(real, 4))
    duel.prepare(10)
    coarse = torch.nn.functional.avg_pool2d(real, 4).repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert torch.allclose(duel.shown(real), coarse)
    duel.prepare(45)
    assert torch.equal(duel.shown(real), real)


def test_a_discriminator_with_slope_one_pays_no_penalty() -> None:
    duel = growing(5)
    side = torch.zeros(1, 3, 16, 16)
    side[0, 0, 0, 0] = 2.0  # per unit of [0,1], so 1 per unit of [-1,1]
    duel.judge.forward = lambda x: (x * side).sum(dim=(1, 2, 3))[:, None]  # type: ignore[method-assign]
    real, fake = torch.full((4, 3, 16, 16), 0.75), torch.full((4, 3, 16, 16), 0.25)
    loss = float(duel.critic_loss(real, fake, torch.Generator().manual_seed(0)))
    assert loss == pytest.approx(0.5 - 1.5 + 0.001 * 1.5**2, abs=1e-5)


def styled(r1: float = 0.0) -> StyleDuel:
    plan = StyleOptions(steps=50, batch=4, critics=1, lr=1e-3, average=0.0, r1=r1)
    return StyleDuel(build_stylegan2({**STYLE_NET, "side": 16}, 0), plan, place(Path()))


def test_the_slope_at_real_images_is_charged_every_sixteenth_step() -> None:
    plain, charged = styled(), styled(r1=4.0)
    slope = torch.zeros(1, 3, 16, 16)
    slope[0, 1, 2, 3] = 3.0
    losses = []
    for duel in (plain, charged):
        duel.judge.forward = lambda x: (x * slope).sum(dim=(1, 2, 3))[:, None]  # type: ignore[method-assign]
        for number in (0, 1, 16):
            duel.prepare(number)
            real, fake = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.zeros(2, 3, 16, 16)
            losses.append(float(duel.critic_loss(real, fake, torch.Generator())))
    extra = 16 * 4.0 / 2 * 1.5**2
    assert [b - a for a, b in zip(losses[:3], losses[3:], strict=True)] == pytest.approx([extra, 0.0, extra])


def test_path_lengths_are_charged_every_eighth_step_and_their_mean_is_remembered() -> None:
    duel, z = styled(), torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    means = []
    for number in (1, 8):
        duel.prepare(number)
        duel.maker_loss(z, torch.Generator().manual_seed(0))
        means.append(float(duel.beside()["paths"].state_dict()["mean"]))
    assert means[0] == 0.0
    assert means[1] > 0.0
