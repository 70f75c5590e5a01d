"""The discriminator of patches."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gexbench.nets.initialise import seeded
from gexbench.nets.patchgan import PatchGAN

from .learning import blocks, count, images, told_apart


@pytest.mark.parametrize(
    ("build", "parameters"), [(PatchGAN, 2_764_737), (lambda: PatchGAN(6, norm="batch"), 2_768_705)]
)
def test_it_has_the_published_parameters(build: Callable[[], nn.Module], parameters: int) -> None:
    with torch.device("meta"):
        assert count(build()) == parameters


def test_a_logit_of_the_patch_discriminator_sees_70_pixels() -> None:
    net = seeded(lambda: PatchGAN(channels=4, norm="batch"), 0).eval()
    x = images(1, 256).requires_grad_()
    net(x)[0, 0, 15, 15].backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(dim=0).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [70, 70]


def test_it_learns_to_tell_noise_from_blocks() -> None:
    noise = images(4, 32)
    real, made = told_apart(seeded(lambda: PatchGAN(channels=8), 0), noise, blocks(noise), steps=30, lr=2e-3)
    assert float(real.mean()) > 0.0 > float(made.mean())


def test_under_the_spectral_norm_no_layer_of_the_patch_discriminator_lengthens_what_it_gets() -> None:
    net = seeded(lambda: PatchGAN(channels=4, norm="spectral"), 0)
    x = images(1, 32)
    for _ in range(100):
        net(x)  # each pass in training mode is a step of the power iteration
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    longest = [float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) for layer in layers]
    assert longest == pytest.approx([1.0] * 5, abs=1e-2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PatchGAN(norm="layer"), "norm 'layer'"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
