"""The U-Net of Pix2Pix."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gexbench.nets.initialise import seeded
from gexbench.nets.unet import UNet, UNetOptions

from .learning import count, images


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_it_has_the_published_parameters(norm: str) -> None:
    with torch.device("meta"):
        assert count(UNet(UNetOptions(norm=norm))) == 54_413_955


def test_the_instance_norm_of_a_u_net_is_the_batch_norm_of_one_image_at_a_time() -> None:
    batch, instance = (seeded(lambda: UNet(UNetOptions(3, 8, 0.0, norm)), 0) for norm in ("batch", "instance"))  # noqa: B023
    x = images(2, 16)
    one_by_one = torch.cat([batch.train()(image[None]) for image in x])
    assert torch.allclose(instance.eval()(x), one_by_one, atol=1e-6)


def test_dropout_stands_in_the_three_inner_layers_of_the_published_u_net() -> None:
    with torch.device("meta"):
        net = UNet()
    dropped = [any(isinstance(layer, nn.Dropout) for layer in up.layers) for up in net.up]
    assert dropped == [False, True, True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UNetOptions(depth=1), "depth 1"),
        (lambda: UNetOptions(dropout=1.0), r"dropout 1\.0"),
        (lambda: UNetOptions(norm="layer"), "norm 'layer'"),
    ],
)
def test_other_numbers_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
