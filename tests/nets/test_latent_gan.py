"""Generator and discriminator in one module."""

from __future__ import annotations

import pytest
import torch

from gexbench.training.sngan import build_sngan

SMALL = {"side": 32, "channels": 4, "latent_size": 8, "discriminator_channels": 4}


def test_it_makes_the_images_of_its_generator() -> None:
    gan = build_sngan(SMALL, seed=0).eval()
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(gan(z), gan.generator(z))
    assert gan.latent_size == 8


@pytest.mark.parametrize("shape", [(2, 7), (2, 9), (8,), (2, 8, 1)])
def test_latents_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"latents must be \(N,8\), got \("):
        build_sngan(SMALL, seed=0)(torch.zeros(shape))
