"""PGGAN as it is trained: how it grows, and what its discriminator is charged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from training_factory import context_in

from gexbench.training.latent import LatentOptions
from gexbench.training.pggan import PGGANTraining, build_pggan

NET = {"side": 16, "latent_size": 8, "fmap_base": 32, "fmap_max": 8}


def growing(steps: int) -> PGGANTraining:
    plan = LatentOptions(steps=steps, batch=4, critics=1, lr=1e-3, average=0.0)
    return PGGANTraining(build_pggan(NET, 0), plan, context_in(Path()))


def test_each_level_is_blended_in_and_then_trained_as_long() -> None:
    training, seen = growing(50), []
    for number in range(0, 50, 5):
        training.prepare(number)
        seen.append((training.net.grown, training.net.blend))
    assert seen == [(4, 1), (4, 1), (8, 0), (8, 0.5), (8, 1), (8, 1), (16, 0), (16, 0.5), (16, 1), (16, 1)]


def test_real_images_are_shown_at_the_side_grown_to() -> None:
    training, real = growing(50), torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    training.prepare(0)
    assert torch.allclose(training.shown(real), avg_pool2d(real, 4))
    training.prepare(10)
    coarse = avg_pool2d(real, 4).repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert torch.allclose(training.shown(real), coarse)
    training.prepare(45)
    assert torch.equal(training.shown(real), real)


def test_a_discriminator_with_slope_one_pays_no_penalty() -> None:
    training = growing(5)
    side = torch.zeros(1, 3, 16, 16)
    side[0, 0, 0, 0] = 2.0  # per unit of [0,1], so 1 per unit of [-1,1]

    def judged(x: Tensor) -> Tensor:
        return (x * side).sum(dim=(1, 2, 3))[:, None]

    training.judge.forward = judged  # type: ignore[method-assign]
    real, fake = torch.full((4, 3, 16, 16), 0.75), torch.full((4, 3, 16, 16), 0.25)
    loss = float(training.critic_loss(real, fake, torch.Generator().manual_seed(0)))
    assert loss == pytest.approx(0.5 - 1.5 + 0.001 * 1.5**2, abs=1e-5)
