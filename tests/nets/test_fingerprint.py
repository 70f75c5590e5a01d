"""The nets of the fingerprint."""

from __future__ import annotations

import pytest
import torch

from gexbench.nets.fingerprint import FingerprintDecoder, FingerprintEncoder
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


@pytest.mark.parametrize(("bits", "side"), [(0, 16), (8, 0), (8, 20)])
def test_numbers_that_make_no_net_are_refused(bits: int, side: int) -> None:
    for net in (FingerprintEncoder, FingerprintDecoder):
        with pytest.raises(ValueError, match=f"bits {bits} must be 1 or more, side {side} a multiple of 8"):
            net(bits, side)
