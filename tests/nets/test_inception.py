"""The Inception network: against the one in clean-fid (pytorch-fid's) with the same random weights."""

from __future__ import annotations

import pytest
import torch
from cleanfid import inception_pytorch as cleanfid
from inception_factory import names, random_network, weights_of
from torch import Tensor, nn

from gexbench.core.features import Moments
from gexbench.nets.inception import SIDE, WIDTH, Inception


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """Return clean-fid's network with random weights."""
    return random_network()


@pytest.fixture(scope="module")
def theirs(network: nn.Module) -> nn.Module:
    """Return it in clean-fid's own wrapper, which ends at the pooled features."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleanfid, "fid_inception_v3", lambda: network)
        return cleanfid.InceptionV3(resize_input=False, normalize_input=False).eval()


@pytest.fixture(scope="module")
def weights(network: nn.Module) -> dict[str, Tensor]:
    """Return its weights under the names of the asset."""
    return weights_of(network)


@pytest.fixture(scope="module")
def net(weights: dict[str, Tensor]) -> Inception:
    """Return our network with those weights."""
    return Inception(weights)


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Return four random images in [-1,1]."""
    return torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0


@pytest.fixture(scope="module")
def features(net: Inception, images: Tensor) -> Tensor:
    """Return the four images' features, computed in one batch."""
    return net(images)


def test_is_the_fid_network_of_clean_fid(theirs: nn.Module, features: Tensor, images: Tensor) -> None:
    with torch.inference_mode():
        (expected,) = theirs(images[:2])
    expected = expected.flatten(1)
    assert expected.shape == (2, WIDTH)
    assert expected.std() > 0.01
    assert (features[:2] - expected).norm() < 1e-5 * expected.norm()
    assert (features[0] - features[1]).norm() > 1e-3 * expected.norm()


def test_features_are_pooled_activations_in_float32(features: Tensor) -> None:
    assert features.shape == (4, WIDTH)
    assert features.dtype == torch.float32
    assert features.min() >= 0.0


def test_a_row_depends_on_its_image_alone(net: Inception, features: Tensor, images: Tensor) -> None:
    apart = torch.cat([net(images[:1]), net(images[1:])])
    back = net(images.flip(0)).flip(0)
    together = Moments.of(features)
    for other in (apart, back):
        torch.testing.assert_close(other, features, rtol=1e-6, atol=1e-6 * float(features.abs().max()))
        moments = Moments.of(other)
        assert (moments.mean - together.mean).norm() <= 1e-9 * together.mean.norm()
        assert (moments.scatter - together.scatter).norm() <= 1e-9 * together.scatter.norm()


def test_nothing_in_it_learns_and_its_weights_stay_where_they_were(net: Inception, weights: dict[str, Tensor]) -> None:
    assert not net.training
    assert not list(net.parameters())
    assert len(weights) == 4 * len(names())


def test_refuses_a_missing_tensor(weights: dict[str, Tensor]) -> None:
    name = "net.layers.mixed_9.tower_1_mixed_conv.beta"
    with pytest.raises(KeyError, match=name):
        Inception({key: value for key, value in weights.items() if key != name})


def test_refuses_a_tensor_that_is_left_over(weights: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match=r"no part of the network: logits\.weight"):
        Inception(weights | {"logits.weight": torch.zeros(1)})
