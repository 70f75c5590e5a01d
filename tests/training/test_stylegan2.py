"""StyleGAN2 as it is trained: what its penalties are, and when they fall due."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_factory import context_in

from gexbench.training.stylegan2 import StyleGAN2Training, StyleOptions, build_stylegan2

NET = {"side": 16, "latent_size": 8, "mapping_layers": 2, "channel_base": 64, "channel_max": 8}


def styled(r1: float = 0.0) -> StyleGAN2Training:
    plan = StyleOptions(steps=50, batch=4, critics=1, lr=1e-3, average=0.0, r1=r1)
    return StyleGAN2Training(build_stylegan2(NET, 0), plan, context_in(Path()))


def test_the_slope_at_real_images_is_charged_every_sixteenth_step() -> None:
    plain, charged = styled(), styled(r1=4.0)
    slope = torch.zeros(1, 3, 16, 16)
    slope[0, 1, 2, 3] = 3.0
    losses = []
    for training in (plain, charged):
        training.judge.forward = lambda x: (x * slope).sum(dim=(1, 2, 3))[:, None]  # type: ignore[method-assign]
        for number in (0, 1, 16):
            training.prepare(number)
            real, fake = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.zeros(2, 3, 16, 16)
            losses.append(float(training.critic_loss(real, fake, torch.Generator())))
    extra = 16 * 4.0 / 2 * 1.5**2
    assert [b - a for a, b in zip(losses[:3], losses[3:], strict=True)] == pytest.approx([extra, 0.0, extra])


def test_path_lengths_are_charged_every_eighth_step_and_their_mean_is_remembered() -> None:
    training, z = styled(), torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    means = []
    for number in (1, 8):
        training.prepare(number)
        training.maker_loss(z, torch.Generator().manual_seed(0))
        means.append(float(training.beside()["paths"].state_dict()["mean"]))
    assert means[0] == 0.0
    assert means[1] > 0.0


class Bare:
    """A generator whose styles are the latents themselves."""

    styles = 6

    def mapped(self, z: Tensor) -> Tensor:
        return z[:, None].expand(-1, self.styles, -1)


def test_nine_times_in_ten_the_last_styles_are_of_other_latents() -> None:
    training, z = styled(), torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    own, draws, kept = Bare().mapped(z), torch.Generator().manual_seed(1), []
    for _ in range(400):
        mixed = training._mixed(Bare(), z, draws)  # type: ignore[arg-type]
        same = (mixed == own).all(dim=2)
        assert bool((same == same[0]).all())  # the batch changes at one place
        kept.append(int(same[0].sum()))
        assert same[0].tolist() == sorted(same[0].tolist(), reverse=True)  # first the own ones, then the others
    assert 0.86 < sum(count < Bare.styles for count in kept) / len(kept) < 0.94
    assert set(kept) == {1, 2, 3, 4, 5, 6}
