"""Small networks, each with the same first weights whenever it is built."""

from __future__ import annotations

from gexbench.nets.initialise import seeded
from gexbench.nets.pggan import PGGANGenerator, PGGANOptions
from gexbench.nets.pggan_discriminator import PGGANDiscriminator
from gexbench.nets.sngan import SNGANGenerator, SNGANOptions
from gexbench.nets.sngan_discriminator import SNGANDiscriminator
from gexbench.nets.stylegan2 import StyleGAN2Generator, StyleGAN2Options
from gexbench.nets.stylegan2_discriminator import StyleGAN2Discriminator
from gexbench.nets.ugatit_discriminator import UGATITDiscriminator
from gexbench.nets.ugatit_generator import UGATITGenerator, UGATITGeneratorOptions

PGGAN = PGGANOptions(side=16, latent_size=8, fmap_base=64, fmap_max=12)
STYLEGAN2 = StyleGAN2Options(side=16, latent_size=8, mapping_layers=2, channel_base=64, channel_max=12)


def sngan_generator(side: int = 32) -> SNGANGenerator:
    """Take 8 latents."""
    return seeded(lambda: SNGANGenerator(SNGANOptions(side, 4, 8)), 0)


def sngan_discriminator(side: int = 32, seed: int = 0) -> SNGANDiscriminator:
    """Judge images of a side."""
    return seeded(lambda: SNGANDiscriminator(side, 4), seed)


def pggan_generator(seed: int = 0) -> PGGANGenerator:
    """Make images of 16 pixels of 8 latents."""
    return seeded(lambda: PGGANGenerator(PGGAN), seed)


def pggan_discriminator() -> PGGANDiscriminator:
    """Judge images of 16 pixels."""
    return seeded(lambda: PGGANDiscriminator(PGGAN), 0)


def stylegan2_generator(seed: int = 0) -> StyleGAN2Generator:
    """Make images of 16 pixels of 8 latents."""
    return seeded(lambda: StyleGAN2Generator(STYLEGAN2), seed)


def stylegan2_discriminator() -> StyleGAN2Discriminator:
    """Judge images of 16 pixels."""
    return seeded(lambda: StyleGAN2Discriminator(STYLEGAN2), 0)


def ugatit_generator(light: bool, side: int = 16) -> UGATITGenerator:
    """Translate images of a side, the light net those of any."""
    return seeded(lambda: UGATITGenerator(UGATITGeneratorOptions(8, 1, side, light)), 0)


def ugatit_discriminator(seed: int = 0) -> UGATITDiscriminator:
    """Judge images at two scales."""
    return seeded(lambda: UGATITDiscriminator(8, (3, 4)), seed)
