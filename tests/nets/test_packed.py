"""Discriminators as tensors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gexbench.nets.packed import packed, unpacked
from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.pggan import PGGANOptions
from gexbench.nets.pggan_discriminator import PGGANDiscriminator
from gexbench.nets.sngan_discriminator import SNGANDiscriminator
from gexbench.nets.srgan_discriminator import SRGANDiscriminator
from gexbench.nets.stylegan2 import StyleGAN2Options
from gexbench.nets.stylegan2_discriminator import StyleGAN2Discriminator


@pytest.mark.parametrize(
    "build",
    [
        lambda: PatchGAN(channels=4, norm="spectral"),
        lambda: SNGANDiscriminator(32, 4),
        lambda: PGGANDiscriminator(PGGANOptions(side=32, fmap_base=32, fmap_max=8)),
        lambda: StyleGAN2Discriminator(StyleGAN2Options(side=32, channel_base=64, channel_max=8)),
    ],
    ids=["patches", "sngan", "pggan", "stylegan2"],
)
def test_a_discriminator_built_anew_judges_to_the_bit_as_before(build: Callable[[], nn.Module]) -> None:
    judge = build().eval()
    tensors = packed(judge)
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    again = unpacked(tensors)
    assert torch.equal(again(x), judge(x))
    assert not again.training
    assert not any(weight.requires_grad for weight in again.parameters())


def test_another_class_is_refused() -> None:
    with pytest.raises(ValueError, match="a discriminator of the class SRGANDiscriminator cannot be built anew"):
        packed(SRGANDiscriminator(crop=32))
