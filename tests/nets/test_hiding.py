"""The nets that hide, and those that read."""

from __future__ import annotations

import pytest
import torch

from gexbench.nets.hiding import FingerprintDecoder, FingerprintEncoder, LogoEmbedder, LogoExtractor
from gexbench.nets.initialise import seeded


def test_a_mark_is_as_large_as_the_image_and_within_its_bound() -> None:
    net = seeded(lambda: FingerprintEncoder(8, 24), 0)
    mark = net(torch.rand(2, 3, 24, 24), torch.ones(2, 8))
    assert mark.shape == (2, 3, 24, 24)
    assert mark.abs().amax() <= 1


def test_other_bits_make_another_mark_and_so_does_another_image() -> None:
    net = seeded(lambda: FingerprintEncoder(8, 16), 0)
    image, bits = torch.rand(1, 3, 16, 16), torch.zeros(1, 8)
    assert not torch.allclose(net(image, bits), net(image, 1 - bits))
    assert not torch.allclose(net(image, bits), net(1 - image, bits))


def test_a_decoder_gives_a_logit_a_bit() -> None:
    assert FingerprintDecoder(5, 24)(torch.rand(3, 3, 24, 24)).shape == (3, 5)


def test_bits_are_read_from_the_first_step_on_once_the_decoder_begins_with_the_encoder() -> None:
    encoder, decoder = seeded(lambda: FingerprintEncoder(8, 32), 0), seeded(lambda: FingerprintDecoder(8, 32), 1)
    bits = torch.randint(2, (16, 8), generator=torch.Generator().manual_seed(2)).float()
    grey = torch.full((16, 3, 32, 32), 0.5)
    marked = grey + encoder(grey, bits) * (16 / 255)
    assert ((decoder(marked) > 0) == (bits > 0.5)).float().mean() < 0.8
    decoder.begin_with(encoder)
    assert ((decoder(marked) > 0) == (bits > 0.5)).float().mean() > 0.95


def test_a_logo_has_a_square_for_four_by_four_pixels() -> None:
    embedder, extractor = seeded(LogoEmbedder, 0), seeded(LogoExtractor, 1)
    image, logo = torch.rand(2, 3, 24, 32), torch.ones(2, 1, 6, 8)
    mark = embedder(image, logo)
    assert mark.shape == image.shape
    assert mark.abs().amax() <= 1
    assert not torch.allclose(mark, embedder(image, 1 - logo))
    assert extractor(image).shape == logo.shape


@pytest.mark.parametrize(("bits", "side"), [(0, 16), (8, 0), (8, 18)])
def test_numbers_that_make_no_net_are_refused(bits: int, side: int) -> None:
    for net in (FingerprintEncoder, FingerprintDecoder):
        with pytest.raises(ValueError, match=f"bits {bits} must be 1 or more, side {side} a multiple of 4"):
            net(bits, side)
