"""SNGANs out of a card's options."""

from __future__ import annotations

import torch

from gexbench.nets.sngan import SNGANGenerator, SNGANOptions
from gexbench.nets.sngan_discriminator import SNGANDiscriminator
from gexbench.training.sngan import build_sngan

OPTIONS = {"side": 48, "latent_size": 8, "channels": 4, "discriminator_channels": 6}


def test_generator_and_discriminator_have_the_widths_of_their_options() -> None:
    gan = build_sngan(OPTIONS, seed=0)
    for built, wanted in (
        (gan.generator, SNGANGenerator(SNGANOptions(48, 4, 8))),
        (gan.discriminator, SNGANDiscriminator(48, 6)),
    ):
        shapes = {name: weight.shape for name, weight in built.state_dict().items()}
        assert shapes == {name: weight.shape for name, weight in wanted.state_dict().items()}


def test_the_seed_alone_decides_the_first_weights_of_both() -> None:
    first, again, other = (build_sngan(OPTIONS, seed) for seed in (0, 0, 1))
    for name, weight in first.named_parameters():
        assert torch.equal(weight, again.get_parameter(name))
        if weight.dim() > 1:
            assert not torch.equal(weight, other.get_parameter(name))
